// Bare is a function that does nothing: what is measured of the others is measured of it in the same run, so that the
// machine's speed and load cancel out.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	lambda.Start(func(context.Context) error { return nil })
}
