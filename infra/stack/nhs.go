package stack

import (
	"net/http"

	"almanac/infra/sandbox/apim"
	"almanac/infra/sandbox/kms"
	"almanac/infra/sandbox/nhs"
)

// startNHS makes the stand-ins for NHS services, to be served below nhsPath. Almanac is registered there with the
// public half of its key in KMS, which is read when a token is asked for: the pair may still be in the making.
func (s *Stack) startNHS(keys *kms.Server) (http.Handler, error) {
	services, err := nhs.New(nhs.Config{
		Apps: []apim.App{{Key: pdsAPIKey, Name: "Almanac", Keys: func() ([]apim.Key, error) {
			public, err := keys.PublicKey(pdsKey)
			return []apim.Key{{ID: pdsKid, Public: public}}, err
		}}},
		TokenURL: s.Control + nhsPath + nhs.TokenPath, Now: s.Now,
	})
	if err != nil {
		return nil, err
	}
	s.NHS = services
	return http.StripPrefix(nhsPath, services), nil
}
