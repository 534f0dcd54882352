package app

import (
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"

	"almanac/shared/event"
)

// Queues gives the address of every queue. Only the functions that relay events have them; for any other it is an
// error that names what is missing.
func (a *App) Queues() (map[event.Queue]string, error) {
	const (
		email  = "EMAIL_QUEUE_URL"
		pds    = "PDS_QUEUE_URL"
		asked  = "ASKED_QUEUE_URL"
		upload = "UPLOAD_QUEUE_URL"
		video  = "VIDEO_QUEUE_URL"
	)
	return map[event.Queue]string{
		event.Email: a.env.get(email), event.PDS: a.env.get(pds), event.Asked: a.env.get(asked),
		event.Upload: a.env.get(upload), event.Video: a.env.get(video),
	}, a.env.require(email, pds, asked, upload, video)
}

// WorkQueues gives the addresses of the queues that a worker works on, which are those that it was given. For a
// function that was given none it is an error that says so.
func (a *App) WorkQueues() ([]string, error) {
	var urls []string
	for _, name := range []string{"EMAIL", "PDS", "ASKED", "UPLOAD", "VIDEO", "NOTICE"} {
		if url := a.env.get(name + "_QUEUE_URL"); url != "" {
			urls = append(urls, url)
		}
	}
	if len(urls) == 0 {
		return nil, errors.New("no environment variable names the queue")
	}
	return urls, nil
}

// Config is how a client reaches a service of AWS, by the name that AWS_ENDPOINT_URL_<service> has for it. The client
// itself is made by the package that alone may use it, so that no other function links it.
func (a *App) Config(service string) aws.Config {
	return aws.Config{
		Region: a.env.region, Credentials: a.env, HTTPClient: client(), BaseEndpoint: a.env.endpoint(service),
		Retryer: func() aws.Retryer { return retryer(tries) },
	}
}

const tries = 3
