package almanac_test

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// What make is asked for wrongly is one line, before anything is built or started.
func TestMakeArguments(t *testing.T) {
	try := func(args ...string) (int, string) {
		cmd := exec.CommandContext(t.Context(), "make", append([]string{"--dry-run"}, args...)...)
		cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "MAKE") })
		out, _ := cmd.CombinedOutput() // the exit code says it
		return cmd.ProcessState.ExitCode(), string(out)
	}
	for _, wrong := range []string{
		"faults RUNS=x", "faults RUNS=0", "faults RUNS=", "faults RUNS=-1", "faults RUNS=1.5", "faults RUNS=07",
		"faults RUNS=1'2", "faults SEED=x", "race TIMES=0", "race CLIENTS=1", "isolation REQUESTS=1e5",
		"isolation CANARIES=0", "run PORT=http",
	} {
		code, out := try(strings.Split(wrong, " ")...)
		_, set, _ := strings.Cut(wrong, " ")
		name, _, _ := strings.Cut(set, "=")
		if code != 2 || strings.Count(out, "\n") != 1 || !strings.Contains(out, name+" must be a whole number") {
			t.Errorf("make %s ended with %d: %s", wrong, code, out)
		}
	}
	for _, right := range []string{"faults RUNS=1 SEED=0", "race TIMES=1 CLIENTS=2", "isolation REQUESTS=0 CANARIES=1"} {
		if code, out := try(strings.Split(right, " ")...); code != 0 {
			t.Errorf("make %s ended with %d: %s", right, code, out)
		}
	}
}
