package id_test

import (
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"almanac/shared/id"
)

func TestFormatAndRawAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var raw [16]byte
		copy(raw[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "raw"))
		s := id.Format("apt", raw)
		back, err := id.Raw(s)
		if err != nil || back != raw {
			t.Fatalf("Raw(Format(%x)) = %x, %v", raw, back, err)
		}
		if !id.Valid(s, "apt") || id.Valid(s, "pat") {
			t.Fatalf("Valid is wrong about the prefix of %q", s)
		}
	})
}

// The vector is the one in the TypeID convention's own specification.
func TestFormatKnownVector(t *testing.T) {
	got := id.Format("pre", uuid.MustParse("01890a5d-ac96-774b-bcce-b302099a8057"))
	if want := "pre_01h455vb4pex5vsknk084sn02q"; got != want {
		t.Errorf("Format = %s, want %s", got, want)
	}
}

func TestIDsSortByTime(t *testing.T) {
	last := ""
	for range 1000 {
		next := id.New("evt")
		if next <= last {
			t.Fatalf("%s came after %s", next, last)
		}
		last = next
	}
}

func FuzzRaw(f *testing.F) {
	f.Add("apt_01h455vb4pex5vsknk084sn02q")
	f.Add("apt_81h455vb4pex5vsknk084sn02q")
	f.Add("apt_")
	f.Fuzz(func(t *testing.T, s string) {
		raw, err := id.Raw(s)
		if err == nil && id.Format(s[:3], raw) != s {
			t.Errorf("%q is accepted but is not the one way to write that id", s)
		}
	})
}
