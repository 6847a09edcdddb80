// A function in Go: the official library talks to the Runtime API, with its streaming responses where the event asks.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type event struct {
	Name   string `json:"name"`
	Fail   string `json:"fail"`
	Stream int    `json:"stream"`
	Break  bool   `json:"break"`
}

type answer struct {
	Greeting  string `json:"greeting"`
	RequestID string `json:"request_id"`
	ARN       string `json:"arn"`
	Version   string `json:"version"`
	Memory    int    `json:"memory"`
}

// breaking fails in the middle: the library reports that in the trailers of its chunked request.
type breaking struct{ rest io.Reader }

func (b *breaking) Read(p []byte) (int, error) {
	n, err := b.rest.Read(p)
	if err == io.EOF {
		return n, errors.New("broke in the middle")
	}
	return n, err
}

func handle(ctx context.Context, e event) (any, error) {
	fmt.Println("go says", e.Name)
	switch e.Fail {
	case "error":
		return nil, errors.New("asked to fail")
	case "panic":
		panic("asked to panic")
	}
	if e.Stream > 0 {
		body := io.Reader(strings.NewReader(strings.Repeat("x", e.Stream)))
		if e.Break {
			body = &breaking{body}
		}
		return body, nil
	}
	c, _ := lambdacontext.FromContext(ctx)
	return answer{"hello " + e.Name, c.AwsRequestID, c.InvokedFunctionArn, lambdacontext.FunctionVersion,
		lambdacontext.MemoryLimitInMB}, nil
}

func main() {
	lambda.Start(handle)
}
