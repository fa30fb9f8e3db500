package config

import (
	"fmt"
	"strings"
)

// ProxyUnproven says what is wrong with believing a proxy's word: nothing proves
// that it is the proxy's, and nobody has said that callers cannot send it
// themselves. Empty: nothing is.
func (c *Config) ProxyUnproven() string {
	a := c.Auth
	if !a.ProxyHeaders || a.ProxySecret != "" || a.ProxyIncoming == IncomingStripped {
		return ""
	}
	from := make([]string, len(a.ProxyTrusted))
	for i, prefix := range a.ProxyTrusted {
		from[i] = prefix.String()
	}
	return fmt.Sprintf("the header %s is believed from %s without proof: where the proxy passes on what callers send, as nginx does unless it is told otherwise, anyone is whoever they name, an administrator too",
		a.ProxyUserHeader, strings.Join(from, ", "))
}

// ProxyAdvice is what to do about it.
const ProxyAdvice = "have the proxy remove that header from what comes in, have it prove itself by auth.proxy_secret (LETHE_AUTH_PROXY_SECRET), and try with `lethe doctor --proxy URL`; " +
	"without a secret, set auth.proxy_incoming (LETHE_AUTH_PROXY_INCOMING) to " + IncomingStripped + " once it is removed"
