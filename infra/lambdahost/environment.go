package lambdahost

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"
)

// reserved are the variables that a function may not set for itself.
func reserved() []string {
	return []string{
		"_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV",
		"AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION",
		"AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_ACCESS_KEY",
		"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT",
		"LAMBDA_RUNTIME_DIR",
	}
}

// environment is all that the process sees: what Lambda sets, and the function's own. HOME is left out, as on Lambda,
// so that no SDK finds the developer's credentials.
func (w *worker) environment(api string) []string {
	f, o := w.pool.function, w.pool.host.options
	env := []string{
		"AWS_LAMBDA_RUNTIME_API=" + api,
		"AWS_LAMBDA_FUNCTION_NAME=" + f.Name,
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=" + strconv.Itoa(f.MemoryMB),
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/" + f.Name,
		fmt.Sprintf("AWS_LAMBDA_LOG_STREAM_NAME=%s/[$LATEST]%s", time.Now().UTC().Format("2006/01/02"), newTrace()),
		"AWS_EXECUTION_ENV=AWS_Lambda_provided.al2023",
		"AWS_REGION=" + o.Region,
		"AWS_DEFAULT_REGION=" + o.Region,
		// The engines ask for credentials but check none. They must not look like a real account's.
		"AWS_ACCESS_KEY_ID=" + cmp.Or(f.AccessKey, "local"),
		"AWS_SECRET_ACCESS_KEY=" + cmp.Or(f.AccessKey, "local"),
		"AWS_SESSION_TOKEN=local",
		"LAMBDA_TASK_ROOT=" + f.Dir,
		"LAMBDA_RUNTIME_DIR=/var/runtime",
		"_HANDLER=" + f.Handler,
		"PATH=/usr/local/bin:/usr/bin:/bin:/opt/bin",
		"LANG=en_US.UTF-8",
		"TZ=:UTC",
	}
	if f.LogFormat != "" {
		env = append(env, "AWS_LAMBDA_LOG_FORMAT="+f.LogFormat)
	}
	if f.LogLevel != "" {
		env = append(env, "AWS_LAMBDA_LOG_LEVEL="+f.LogLevel)
	}
	for k, v := range f.Env {
		env = append(env, k+"="+v)
	}
	return env
}

// newTrace is the random part of a trace id.
func newTrace() string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
