// Docs serves the API's documentation page, its OpenAPI document and a sign of life, all from its own binary. It
// knows no AWS service and no person; nothing it answers depends on who asks.
package main

import (
	_ "embed"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
)

// The two files are made by `go run ./infra/apidocs`.
var (
	//go:embed index.html
	page []byte
	//go:embed openapi.json
	document []byte
)

func main() {
	lambda.Start(serve(slog.New(slog.NewJSONHandler(os.Stdout, nil)), files(page, document)))
}
