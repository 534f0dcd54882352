package cfn

import (
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// implicitAPI is the name of the API that SAM makes for routes which name none.
const implicitAPI = "ServerlessHttpApi"

// API is an AWS::Serverless::HttpApi.
type API struct {
	ID                string
	Stage             string
	Authorizers       map[string]Authorizer
	DefaultAuthorizer string
	CORS              *CORS // nil where the API answers no other origin
	// AccessLog says whether the stage writes an access log.
	AccessLog bool
	// Burst and Rate are the default route's throttling; 0 where unset.
	Burst, Rate int
	Line        int
}

// Authorizer is a JWT authorizer.
type Authorizer struct {
	Name     string
	Issuer   string
	Audience []string
	Scopes   []string
	// Source is where the token is found, such as $request.header.Authorization.
	Source string
}

// CORS says which origins a browser may call from.
type CORS struct {
	Origins, Methods, Headers, Expose []string
	MaxAge                            time.Duration
	Credentials                       bool
}

func readAPI(p *props, res Resource) API {
	a := API{
		ID: res.ID, Line: res.Line, Stage: or(p.str("StageName"), "$default"), AccessLog: p.has("AccessLogSettings"),
	}
	auth := p.sub("Auth")
	a.DefaultAuthorizer = auth.str("DefaultAuthorizer")
	a.Authorizers = map[string]Authorizer{}
	auth.named("Authorizers", func(name string, s *props) {
		a.Authorizers[name] = readAuthorizer(name, s)
	})
	auth.skip("EnableIamAuthorizer")
	auth.close()
	settings := p.sub("DefaultRouteSettings")
	a.Burst, a.Rate = settings.num("ThrottlingBurstLimit", 0), settings.num("ThrottlingRateLimit", 0)
	settings.skip("DetailedMetricsEnabled")
	settings.close()
	if p.has("CorsConfiguration") {
		a.CORS = readCORS(p)
	}
	p.skip("Name", "Description", "Tags", "FailOnWarnings", "DisableExecuteApiEndpoint", "Domain", "PropagateTags")
	if _, ok := a.Authorizers[a.DefaultAuthorizer]; a.DefaultAuthorizer != "" && !ok {
		p.fail(res.Line, "DefaultAuthorizer %s is not declared", a.DefaultAuthorizer)
	}
	return a
}

func readAuthorizer(name string, p *props) Authorizer {
	jwt := p.sub("JwtConfiguration")
	a := Authorizer{
		Name: name, Issuer: firstOf(jwt, "issuer", "Issuer"), Audience: jwt.list("audience"),
		Scopes: p.list("AuthorizationScopes"), Source: or(p.str("IdentitySource"), "$request.header.Authorization"),
	}
	if len(a.Audience) == 0 {
		a.Audience = jwt.list("Audience")
	}
	jwt.close()
	if a.Issuer == "" || len(a.Audience) == 0 {
		p.fail(p.line, "a JWT authorizer wants an issuer and an audience")
	}
	if a.Source != "$request.header.Authorization" {
		p.fail(p.line, "IdentitySource %s is not known", a.Source)
	}
	return a
}

// firstOf reads a property that the wild spells in two ways.
func firstOf(p *props, keys ...string) string {
	v := ""
	for _, k := range keys {
		v = or(v, p.str(k))
	}
	return v
}

func readCORS(p *props) *CORS {
	if n := p.get("CorsConfiguration"); n.Kind != yaml.MappingNode {
		p.fail(n.Line, "CorsConfiguration must be a map: name the origins")
		return nil
	}
	s := p.sub("CorsConfiguration")
	c := &CORS{
		Origins: s.list("AllowOrigins"), Methods: s.list("AllowMethods"), Headers: s.list("AllowHeaders"),
		Expose: s.list("ExposeHeaders"), MaxAge: s.seconds("MaxAge", 0), Credentials: s.flag("AllowCredentials", false),
	}
	s.close()
	return c
}

// route reads an HttpApi event. Its authorizer is settled in link, when the API has been read.
func (r *resolver) route(p *props, name string) Route {
	rt := Route{
		ID: name, Line: p.line, API: or(p.str("ApiId"), implicitAPI), Path: or(p.str("Path"), "$default"),
		Method:  strings.ToUpper(or(p.str("Method"), "ANY")),
		Timeout: time.Duration(p.num("TimeoutInMillis", 30000)) * time.Millisecond,
	}
	if id, ok := r.byName(rt.API, "AWS::Serverless::HttpApi"); ok {
		rt.API = id
	}
	if v := or(p.str("PayloadFormatVersion"), "2.0"); v != "2.0" {
		p.fail(p.line, "PayloadFormatVersion %s is not known", v)
	}
	auth := p.sub("Auth")
	rt.Authorizer, rt.Scopes = auth.str("Authorizer"), auth.list("AuthorizationScopes")
	auth.close()
	if rt.Path != "$default" && !strings.HasPrefix(rt.Path, "/") {
		p.fail(p.line, "Path must begin with /")
	}
	return rt
}

// byName finds the logical ID of the resource that a resolved Ref stands for.
func (r *resolver) byName(value, kind string) (string, bool) {
	for _, id := range r.ids {
		if r.resources[id].kind != kind {
			continue
		}
		if v, err := r.attribute(id, "", 0); id == value || err == nil && v == value {
			return id, true
		}
	}
	return "", false
}
