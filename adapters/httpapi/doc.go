// Package httpapi serves the contract of openapi.yaml: it reads a request, calls one
// use case and writes the response. It holds no access rules. It is the only package
// that knows echo, and the only one that turns errors into HTTP's, all into
// problem+json in one place.
//
// [New] makes the handler from [Deps], the use cases, and [Config], the limits on a
// request. [Admit] makes requests wait for a free place.
package httpapi
