// Package almanac holds the module's root together. Its rule: it contains no product code, only tests that keep
// functions/, template.yaml, events/ and the documents in step with each other.
package almanac
