// Package httpapi is the HTTP border of the service: it reads requests as the
// contract describes them, calls one use case, and writes its answer. It holds no
// rule of access. Every error becomes problem+json in one place.
//
// [New] makes the handler from [Deps], which are the use cases, and [Config], which
// bounds what a request may take. [Admit] has requests wait for a place among those
// that are worked on.
package httpapi
