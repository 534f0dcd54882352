package seal

import (
	"encoding/json"
	"fmt"
)

// SealSecret seals a secret of the organisation itself, such as a token of a connected account, as JSON. what says what
// it is and whose: it opens under no other name, and for no other organisation.
func (r *Ring) SealSecret(what string, v any) ([]byte, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode a secret: %w", err)
	}
	return r.SealCursor("secret "+what, plain), nil
}

// OpenSecret reads what SealSecret made under the same name into v. Errors: ErrSealed.
func (r *Ring) OpenSecret(what string, sealed []byte, v any) error {
	plain, err := r.OpenCursor("secret "+what, sealed)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(plain, v); err != nil {
		return fmt.Errorf("decode a secret: %w", err)
	}
	return nil
}
