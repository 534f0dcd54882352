package gateway_test

import (
	"os"
	"testing"

	"almanac/infra/lambdahost/hosttest"
)

func TestMain(m *testing.M) { os.Exit(hosttest.Main(m)) }
