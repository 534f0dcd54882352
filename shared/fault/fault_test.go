package fault_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"almanac/shared/fault"
)

func TestOfHidesWhatNobodyClassified(t *testing.T) {
	cause := errors.New("name of a patient")
	f := fault.Of(fmt.Errorf("load: %w", cause))
	if f.Kind != fault.Internal || strings.Contains(f.Message+f.Error(), "patient") || !errors.Is(f, cause) {
		t.Errorf("an unknown error became %v %q", f, f.Message)
	}
	if fault.Of(nil) != nil || fault.Is(nil, fault.Internal) {
		t.Error("no error became a fault")
	}
}

func TestOfFindsTheRefusalInside(t *testing.T) {
	taken := fault.New(fault.Conflict, "time_taken", "Not free.", fault.Detail{Code: "busy"})
	if f := fault.Of(fmt.Errorf("book: %w", taken)); f != taken || !fault.Is(f, fault.Conflict) || fault.Is(f, fault.Invalid) {
		t.Errorf("Of gave %v", f)
	}
	if got := taken.Error(); got != "conflict: time_taken" {
		t.Errorf("logs would say %q", got)
	}
}

func TestEveryKindHasItsName(t *testing.T) {
	seen := map[string]bool{}
	for k := fault.Internal; k <= fault.Unavailable; k++ {
		if name := k.String(); seen[name] {
			t.Errorf("two kinds are called %s", name)
		} else {
			seen[name] = true
		}
	}
}
