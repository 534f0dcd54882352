// Probe is a small Lambda function for tests. It does what the payload says, or, where PROBE_URL is set, what the server
// there says: so a test sees every invocation and decides its outcome, while the function is a real process.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type order struct {
	Do    string
	Text  string
	Sleep int // milliseconds
	Size  int
}

func main() {
	switch os.Getenv("PROBE_INIT") {
	case "exit":
		fmt.Fprintln(os.Stderr, "cannot start: a variable is missing")
		os.Exit(3)
	case "hang":
		time.Sleep(time.Hour)
	case "error":
		url := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/init/error"
		body := `{"errorType":"Config","errorMessage":"TABLE_NAME is empty"}`
		resp, err := http.Post(url, "application/json", strings.NewReader(body))
		if err == nil {
			resp.Body.Close()
		}
		os.Exit(1)
	}
	lambda.Start(handle)
}

func handle(ctx context.Context, payload json.RawMessage) (any, error) {
	if url := os.Getenv("PROBE_URL"); url != "" {
		return ask(ctx, url, payload)
	}
	var o order
	if err := json.Unmarshal(payload, &o); err != nil {
		return nil, err
	}
	return obey(ctx, o, payload)
}

func obey(ctx context.Context, o order, payload json.RawMessage) (any, error) {
	time.Sleep(time.Duration(o.Sleep) * time.Millisecond)
	switch o.Do {
	case "env":
		return os.Environ(), nil
	case "error":
		return nil, errors.New(o.Text)
	case "panic":
		panic(o.Text)
	case "exit":
		os.Exit(7)
	case "log":
		fmt.Print(o.Text)
		return nil, nil
	case "large":
		return strings.Repeat("x", o.Size), nil
	case "pid":
		return os.Getpid(), nil
	case "context":
		d, _ := ctx.Deadline()
		lc, _ := lambdacontext.FromContext(ctx)
		return map[string]any{"left": time.Until(d).Milliseconds(), "id": lc.AwsRequestID, "arn": lc.InvokedFunctionArn}, nil
	}
	return payload, nil
}

// ask puts the payload to the test, which answers with the result, or names another end in the header.
func ask(ctx context.Context, url string, payload []byte) (any, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(payload))
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if do := resp.Header.Get("Do"); do != "" {
		return obey(ctx, order{Do: do, Text: string(body)}, payload)
	}
	return json.RawMessage(body), nil
}
