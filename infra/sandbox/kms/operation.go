package kms

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

func (s *Server) operations() map[string]operation {
	return map[string]operation{
		"CreateKey":                       typed(s.createKey),
		"DescribeKey":                     typed(s.describeKey),
		"ListKeys":                        typed(s.listKeys),
		"EnableKey":                       typed(s.enableKey),
		"DisableKey":                      typed(s.disableKey),
		"ScheduleKeyDeletion":             typed(s.scheduleKeyDeletion),
		"CancelKeyDeletion":               typed(s.cancelKeyDeletion),
		"CreateAlias":                     typed(s.createAlias),
		"UpdateAlias":                     typed(s.updateAlias),
		"DeleteAlias":                     typed(s.deleteAlias),
		"ListAliases":                     typed(s.listAliases),
		"Encrypt":                         typed(s.encrypt),
		"Decrypt":                         typed(s.decrypt),
		"ReEncrypt":                       typed(s.reEncrypt),
		"GenerateDataKey":                 typed(s.generateDataKey),
		"GenerateDataKeyWithoutPlaintext": typed(s.generateDataKeyWithoutPlaintext),
		"Sign":                            typed(s.sign),
		"Verify":                          typed(s.verify),
		"GetPublicKey":                    typed(s.getPublicKey),
	}
}

// typed makes an operation of a function on its input. Fields the stand-in does not know are refused, so that nobody
// relies on what it does not do.
func typed[In any](f func(In) (any, error)) operation {
	return func(body []byte) (any, error) {
		var in In
		d := json.NewDecoder(bytes.NewReader(body))
		d.DisallowUnknownFields()
		if err := d.Decode(&in); err != nil {
			return nil, refuse("SerializationException", "%s", err)
		}
		if _, err := d.Token(); !errors.Is(err, io.EOF) {
			return nil, refuse("SerializationException", "trailing data")
		}
		return f(in)
	}
}

// fields is an answer.
type fields map[string]any

type keyInput struct {
	KeyID       string `json:"KeyId"`
	GrantTokens []string
}

type createKeyInput struct {
	Description, KeySpec, CustomerMasterKeySpec, KeyUsage, Origin string

	Policy                         string // taken and not applied, like the tags: there are no callers to tell apart
	BypassPolicyLockoutSafetyCheck bool
	MultiRegion                    bool
	Tags                           []map[string]string
}

func (s *Server) createKey(in createKeyInput) (any, error) {
	spec, err := in.spec()
	if err != nil {
		return nil, err
	}
	k := s.newKey(in.Description, spec)
	return fields{"KeyMetadata": s.metadata(k)}, s.save()
}

// spec checks what kind of key is wanted; empty: a symmetric one.
func (in createKeyInput) spec() (string, error) {
	spec := cmp.Or(in.KeySpec, in.CustomerMasterKeySpec, symmetric)
	switch {
	case in.MultiRegion:
		return "", refuse("UnsupportedOperationException", "Multi-Region keys are not part of this stand-in.")
	case in.Origin != "" && in.Origin != "AWS_KMS":
		return "", refuse("UnsupportedOperationException", "%s is not part of this stand-in, only AWS_KMS.", in.Origin)
	case cmp.Or(in.CustomerMasterKeySpec, spec) != spec:
		return "", refuse("ValidationException", "KeySpec and CustomerMasterKeySpec differ.")
	case spec == symmetric && cmp.Or(in.KeyUsage, encryptDecrypt) == encryptDecrypt:
		return "", nil
	case bits(spec) > 0 && in.KeyUsage == "":
		return "", refuse("ValidationException", "You must specify a KeyUsage value for an asymmetric CMK.")
	case bits(spec) > 0 && in.KeyUsage == signVerify:
		return spec, nil
	}
	return "", refuse("UnsupportedOperationException", "%s %s is not part of this stand-in.", spec, in.KeyUsage)
}

func (s *Server) metadata(k *key) fields {
	m := fields{
		"AWSAccountId": account, "KeyId": k.ID, "Arn": s.arn(k), "CreationDate": seconds(k.Created),
		"Enabled": k.State == enabled, "Description": k.Description, "KeyUsage": encryptDecrypt,
		"KeyState": k.State, "Origin": "AWS_KMS", "KeyManager": "CUSTOMER", "MultiRegion": false,
		"KeySpec": cmp.Or(k.Spec, symmetric), "CustomerMasterKeySpec": cmp.Or(k.Spec, symmetric),
	}
	if k.Spec == "" {
		m["EncryptionAlgorithms"] = []string{symmetric}
	} else {
		m["KeyUsage"], m["SigningAlgorithms"] = signVerify, algorithms()
	}
	if k.Deletion != nil {
		m["DeletionDate"] = seconds(*k.Deletion)
	}
	return m
}

// seconds is a time as AWS JSON writes it.
func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func (s *Server) describeKey(in keyInput) (any, error) {
	k, err := s.find(in.KeyID, true)
	if err != nil {
		return nil, err
	}
	return fields{"KeyMetadata": s.metadata(k)}, nil
}

type listInput struct {
	KeyID  string `json:"KeyId"`
	Marker string
	Limit  int
}

func (s *Server) listKeys(in listInput) (any, error) {
	if in.Marker != "" {
		return nil, refuse("InvalidMarkerException", "This stand-in lists all at once.")
	}
	list := []fields{}
	for _, k := range s.keys {
		list = append(list, fields{"KeyId": k.ID, "KeyArn": s.arn(k)})
	}
	return fields{"Keys": list, "Truncated": false}, nil
}

func (s *Server) enableKey(in keyInput) (any, error) { return s.setState(in, enabled) }

func (s *Server) disableKey(in keyInput) (any, error) { return s.setState(in, disabled) }

func (s *Server) setState(in keyInput, state string) (any, error) {
	k, err := s.find(in.KeyID, false)
	if err != nil {
		return nil, err
	}
	if k.State == pendingDeletion {
		return nil, refuse("KMSInvalidStateException", "%s is pending deletion.", s.arn(k))
	}
	k.State = state
	return nil, s.save()
}

type scheduleInput struct {
	KeyID               string `json:"KeyId"`
	PendingWindowInDays *int
}

func (s *Server) scheduleKeyDeletion(in scheduleInput) (any, error) {
	k, err := s.find(in.KeyID, false)
	if err != nil {
		return nil, err
	}
	days := 30
	if in.PendingWindowInDays != nil {
		days = *in.PendingWindowInDays
	}
	switch {
	case days < 7 || days > 30:
		return nil, refuse("ValidationException", "PendingWindowInDays must be 7 to 30.")
	case k.State == pendingDeletion:
		return nil, refuse("KMSInvalidStateException", "%s is pending deletion.", s.arn(k))
	}
	at := s.config.Now().AddDate(0, 0, days)
	k.State, k.Deletion = pendingDeletion, &at
	return fields{
		"KeyId": s.arn(k), "DeletionDate": seconds(at), "KeyState": k.State, "PendingWindowInDays": days,
	}, s.save()
}

// cancelKeyDeletion leaves the key disabled, as KMS does.
func (s *Server) cancelKeyDeletion(in keyInput) (any, error) {
	k, err := s.find(in.KeyID, false)
	if err != nil {
		return nil, err
	}
	if k.State != pendingDeletion {
		return nil, refuse("KMSInvalidStateException", "%s is not pending deletion.", s.arn(k))
	}
	k.State, k.Deletion = disabled, nil
	return fields{"KeyId": s.arn(k)}, s.save()
}

type aliasInput struct {
	AliasName   string
	TargetKeyID string `json:"TargetKeyId"`
}

func goodAlias(name string) bool {
	form := regexp.MustCompile(`^alias/[a-zA-Z0-9/_-]{1,250}$`)
	return form.MatchString(name) && !strings.HasPrefix(name, "alias/aws/")
}

func (s *Server) createAlias(in aliasInput) (any, error) {
	if !goodAlias(in.AliasName) {
		return nil, refuse("InvalidAliasNameException", "Alias must be alias/ and letters, digits, /, _ or -.")
	}
	if _, taken := s.aliases[in.AliasName]; taken {
		return nil, refuse("AlreadyExistsException", "Alias %s already exists", s.aliasARN(in.AliasName))
	}
	now := s.config.Now()
	return s.pointAlias(in, alias{Created: now, Updated: now})
}

func (s *Server) updateAlias(in aliasInput) (any, error) {
	a, ok := s.aliases[in.AliasName]
	if !ok {
		return nil, refuse("NotFoundException", "Alias %s is not found.", s.aliasARN(in.AliasName))
	}
	a.Updated = s.config.Now()
	return s.pointAlias(in, a)
}

func (s *Server) pointAlias(in aliasInput, a alias) (any, error) {
	k, err := s.find(in.TargetKeyID, false)
	if err != nil {
		return nil, err
	}
	if k.State == pendingDeletion {
		return nil, refuse("KMSInvalidStateException", "%s is pending deletion.", s.arn(k))
	}
	a.Target = k.ID
	s.aliases[in.AliasName] = a
	return nil, s.save()
}

func (s *Server) deleteAlias(in aliasInput) (any, error) {
	if _, ok := s.aliases[in.AliasName]; !ok {
		return nil, refuse("NotFoundException", "Alias %s is not found.", s.aliasARN(in.AliasName))
	}
	delete(s.aliases, in.AliasName)
	return nil, s.save()
}

func (s *Server) listAliases(in listInput) (any, error) {
	if in.Marker != "" {
		return nil, refuse("InvalidMarkerException", "This stand-in lists all at once.")
	}
	only := ""
	if in.KeyID != "" {
		k, err := s.find(in.KeyID, false)
		if err != nil {
			return nil, err
		}
		only = k.ID
	}
	list := []fields{}
	for _, name := range slices.Sorted(maps.Keys(s.aliases)) {
		a := s.aliases[name]
		if only != "" && a.Target != only {
			continue
		}
		list = append(list, fields{
			"AliasName": name, "AliasArn": s.aliasARN(name), "TargetKeyId": a.Target,
			"CreationDate": seconds(a.Created), "LastUpdatedDate": seconds(a.Updated),
		})
	}
	return fields{"Aliases": list, "Truncated": false}, nil
}
