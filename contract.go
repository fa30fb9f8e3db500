// Package lethe holds the contract that everything else is made from.
package lethe

import _ "embed"

// OpenAPI is openapi.yaml, the contract of the service's HTTP interface.
//
//go:embed openapi.yaml
var OpenAPI []byte
