package web

import (
	"crypto/sha256"
	"net/http"
	"slices"
	"strings"

	"almanac/shared/access"
	"almanac/shared/fault"
	"almanac/shared/id"
)

// OperateScope is the scope of a token that may create organisations.
const OperateScope = "almanac/operate"

// maxPerson bounds the identity provider's subject, which becomes part of keys.
const maxPerson = 128

// admit settles who calls and whether they may, before anything else of the request is looked at.
func (x *exchange) admit() error {
	claims := x.claims()
	x.person = claims["sub"]
	if !printable(x.person, maxPerson) {
		return &refusal{
			status: http.StatusUnauthorized, header: [2]string{"www-authenticate", "Bearer"},
			cause: fault.New(fault.Denied, "not_logged_in", "Log in and send the access token as a bearer token."),
		}
	}
	if x.endpoint.permission == access.OrganisationCreate {
		return x.admitOperator(claims)
	}
	org, err := x.organisation(claims[x.edge.OrganisationClaim])
	if err != nil {
		return err
	}
	x.org = org
	// What takes no key writes nothing that would check the standing again, whatever its method: a search is a POST.
	reads := !x.endpoint.keyed
	x.by, err = x.edge.Gate.Caller(x.ctx, org, x.person, reads)
	if err != nil {
		return err
	}
	// A write's transaction checks that the roles still stand, so a cached copy may let it begin; but it may not
	// refuse somebody who was given the role since.
	x.cached = !reads
	if x.by.Can(x.endpoint.permission) {
		return nil
	}
	if _, err := x.refresh(); err != nil {
		return err
	}
	return nil
}

// claims are those of the token that the gateway verified; nothing else that a client sends says who it is.
func (x *exchange) claims() map[string]string {
	authorizer := x.event.RequestContext.Authorizer
	if authorizer == nil || authorizer.JWT == nil {
		return nil
	}
	return authorizer.JWT.Claims
}

// organisation chooses among those in the claim. An organisation that is not among them is answered the same whether
// it exists or not: it is not looked up.
func (x *exchange) organisation(claim string) (string, error) {
	mine := organisations(claim)
	wanted := x.headers.get("Almanac-Organisation")
	switch {
	case len(mine) == 0:
		return "", fault.New(fault.Denied, "no_organisation", "You do not belong to an organisation yet.")
	case wanted == "" && len(mine) == 1:
		return mine[0], nil
	case wanted == "" || !id.Valid(wanted, "org"):
		return "", malformed("organisation_needed",
			"You belong to several organisations: name one of them in the header Almanac-Organisation.")
	case !slices.Contains(mine, wanted):
		return "", fault.New(fault.NotFound, "organisation_not_found",
			"You do not belong to an organisation of that id.")
	}
	return wanted, nil
}

// organisations reads the claim: API Gateway renders a list as "[a b]", other issuers send one or several ids in a
// text. Groups that are no organisation's id do not count.
func organisations(claim string) []string {
	words := strings.FieldsFunc(claim, func(r rune) bool { return strings.ContainsRune("[], ", r) })
	words = slices.DeleteFunc(words, func(w string) bool { return !id.Valid(w, "org") })
	slices.Sort(words)
	return slices.Compact(words)
}

// admitOperator makes the caller of the one route that stands before any organisation. The new organisation's id
// follows from the person and the key, so that a repeat of the request meets the same organisation.
func (x *exchange) admitOperator(claims map[string]string) error {
	if !slices.Contains(strings.Fields(claims["scope"]), OperateScope) {
		return denied()
	}
	key, err := x.key()
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte("org" + x.person + key))
	x.org = id.Format("org", [16]byte(sum[:16]))
	x.by = access.NewCaller(x.org, x.person, []access.Role{access.Operator}, 0)
	return nil
}

func denied() error {
	return fault.New(fault.Denied, "denied", "Your roles do not allow this.")
}

// refresh reads the caller afresh and checks the permission again. It tells whether anything changed; where the copy
// was fresh already, nothing has.
func (x *exchange) refresh() (bool, error) {
	before := x.by.Standing()
	if x.cached {
		by, err := x.edge.Gate.Caller(x.ctx, x.org, x.person, true)
		if err != nil {
			return false, err
		}
		x.by = by
	}
	if !x.by.Can(x.endpoint.permission) {
		return false, denied()
	}
	return x.by.Standing() != before, nil
}

// relate settles that the caller has a part in the care of the patient whom the address names, where the permission
// asks for one, and puts what it rests on into every event of this request. Like the roles, where somebody works may be
// cached: then a refusal is judged again by a fresh copy.
func (x *exchange) relate() error {
	if !x.endpoint.permission.Related() {
		return nil
	}
	err := x.ask()
	if !fault.Is(err, fault.Denied) || !x.cached {
		return err
	}
	changed, refreshErr := x.refresh()
	switch {
	case refreshErr != nil:
		return refreshErr
	case !changed:
		return err
	}
	return x.ask()
}

func (x *exchange) ask() error {
	basis, err := x.edge.Gate.Related(x.ctx, x.by, x.endpoint.permission, x.path["id"])
	if err != nil {
		return err
	}
	x.by = x.by.Because(basis)
	return nil
}

// reconsider is refresh and relate: everything that let the caller in, once more.
func (x *exchange) reconsider() (bool, error) {
	changed, err := x.refresh()
	if err != nil || !x.endpoint.permission.Related() {
		return changed, err
	}
	return changed, x.ask()
}
