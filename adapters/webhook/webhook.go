// Package webhook tells an operator's service of events, by POST requests that are signed
// as Standard Webhooks describes (https://www.standardwebhooks.com).
//
// [Webhook] implements domain.Webhook.
package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"lethe/domain"
)

const (
	timeout = 10 * time.Second // of an attempt
	// The content of an answer is not read at all.
	maxHeaders = 64 << 10

	secretPrefix = "whsec_"
	minSecret    = 24 // bytes, as in the specification
	maxSecret    = 64
)

// Advice says how to make a secret.
const Advice = "create one with `echo \"whsec_$(openssl rand -base64 32)\"`"

type Webhook struct {
	url    string
	secret []byte
	client *http.Client
	now    func() time.Time
}

var _ domain.Webhook = (*Webhook)(nil)

// New makes the port. The URL and the secret are those that CheckURL and ParseSecret
// accept; now is the clock.
func New(to string, secret []byte, now func() time.Time) (*Webhook, error) {
	if len(secret) == 0 {
		return nil, errors.New("a webhook needs a secret")
	}
	if err := CheckURL(to); err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableKeepAlives = true // events are rare
	transport.MaxResponseHeaderBytes = maxHeaders
	return &Webhook{to, secret, &http.Client{
		Transport: transport, Timeout: timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, now}, nil
}

// CheckURL accepts the URL of a webhook: what is told goes over TLS, or stays on this
// machine. The error does not repeat the URL.
func CheckURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Fragment != "" || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return errors.New("must be a URL such as https://example.com/hooks/lethe, without user and fragment; http:// is accepted for this machine only, such as http://127.0.0.1:9000/")
	}
	return nil
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.Unmap().IsLoopback()
}

// ParseSecret reads a secret in the form of Standard Webhooks. The error does not repeat it.
func ParseSecret(text string) ([]byte, error) {
	encoded, found := strings.CutPrefix(strings.TrimSpace(text), secretPrefix)
	secret, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if !found || err != nil || len(secret) < minSecret || len(secret) > maxSecret {
		return nil, errors.New("must be whsec_ and 24 to 64 bytes in base64: " + Advice)
	}
	return secret, nil
}

// Send makes one request. Only a 2xx answer counts; 410 ends the attempts. Errors name
// neither the URL nor the secret.
func (w *Webhook) Send(ctx context.Context, e domain.Event) error {
	body, err := json.Marshal(struct {
		Type      string          `json:"type"`
		Timestamp time.Time       `json:"timestamp"`
		Data      json.RawMessage `json:"data"`
	}{e.Type, e.At.UTC(), e.Data})
	if err != nil {
		return &domain.Error{Code: domain.CodeInternal, Message: "The event cannot be encoded", Cause: err}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(body))
	if err != nil {
		return unreached(err)
	}
	id, timestamp := e.ID.String(), strconv.FormatInt(w.now().Unix(), 10)
	request.Header = http.Header{
		"Content-Type":      {"application/json"},
		"User-Agent":        {"lethe"},
		"Webhook-Id":        {id},
		"Webhook-Timestamp": {timestamp},
		"Webhook-Signature": {sign(w.secret, id, timestamp, body)},
	}
	answer, err := w.client.Do(request)
	if err != nil {
		return unreached(err)
	}
	_ = answer.Body.Close()
	switch status := answer.StatusCode; {
	case status >= 200 && status <= 299:
		return nil
	case status == http.StatusGone:
		return domain.Errorf(domain.CodeNotFound, "The receiver wants no more attempts: it answered 410")
	case status >= 300 && status <= 399:
		return domain.Errorf(domain.CodeUnavailable, "The receiver answered %d, but redirects are not followed: set webhook.url to where it leads", status)
	default:
		return domain.Errorf(domain.CodeUnavailable, "The receiver answered %d instead of 2xx", status)
	}
}

// sign returns the signature of a request in the form of Standard Webhooks.
func sign(secret []byte, id, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, secret)
	_, _ = mac.Write([]byte(id + "." + timestamp + ".")) // never fails, nor does the next
	_, _ = mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// unreached is the error of a request without an answer. http's own error quotes the URL,
// which may hold a secret.
func unreached(err error) error {
	if quoting, ok := errors.AsType[*url.Error](err); ok {
		err = quoting.Err
	}
	return &domain.Error{Code: domain.CodeUnavailable, Message: "The receiver cannot be reached", Cause: err}
}
