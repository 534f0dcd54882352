package stack

import (
	"github.com/aws/aws-sdk-go-v2/aws"

	"almanac/shared/id"
	"almanac/shared/seal"
	"almanac/shared/table"
)

// Store is the store that the functions work on, straight to the engine.
func (s *Stack) Store() *table.Table {
	return table.New(s.DynamoDB, s.TableName, s.Now, id.New).WithKeys(s.KeyTableName)
}

// Keeper opens what the functions seal.
func (s *Stack) Keeper() *seal.Keeper {
	return seal.New(aws.Config{
		Region: region, BaseEndpoint: aws.String(s.Control + "/kms/"),
		Credentials: aws.CredentialsProviderFunc(credentials),
	}, sealKey, s.Store(), s.Now)
}
