package app

import "almanac/shared/seal"

// Keeper gives what seals and opens the records, with the KMS key that wraps the organisations' root keys. For a
// function without keys it is an error that names what is missing.
func (a *App) Keeper() (*seal.Keeper, error) {
	const key = "SEAL_KEY_ID"
	if err := a.env.require(key, "KEY_TABLE_NAME"); err != nil {
		return nil, err
	}
	return seal.New(a.Config("KMS"), a.env.get(key), a.Table, a.Now), nil
}

// IssuedNumbersOnly tells whether NHS numbers that are kept for tests are refused, as they should be in production.
func (a *App) IssuedNumbersOnly() bool { return a.env.get("NHS_NUMBERS") == "issued" }

// NHS is how NHS services are reached; a service without an address is not connected.
type NHS struct {
	PDS, Token  string // addresses of the Personal Demographics Service and of its tokens
	APIKey, Kid string // the application's key there, and the id of its public key
	SignKey     string // the KMS key that signs for the application
	SCR, GP     string // addresses of the Summary Care Record and of GP records
}

// NHS gives the settings of NHS services. A service that is addressed without what its tokens need is an error that
// names what is missing.
func (a *App) NHS() (NHS, error) {
	n := NHS{
		PDS: a.env.get("PDS_URL"), Token: a.env.get("PDS_TOKEN_URL"), APIKey: a.env.get("PDS_API_KEY"),
		Kid: a.env.get("PDS_KID"), SignKey: a.env.get("PDS_KEY_ID"), SCR: a.env.get("SCR_URL"),
		GP: a.env.get("GP_RECORD_URL"),
	}
	if n.PDS == "" && n.SCR == "" && n.GP == "" {
		return n, nil
	}
	return n, a.env.require("PDS_TOKEN_URL", "PDS_API_KEY", "PDS_KID", "PDS_KEY_ID")
}

// UploadBucket names the S3 bucket of the uploads. For a function that has none it is an error that says so.
func (a *App) UploadBucket() (string, error) {
	const bucket = "UPLOAD_BUCKET"
	return a.env.get(bucket), a.env.require(bucket)
}
