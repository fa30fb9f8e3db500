package receipt_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"lethe/receipt"
)

func TestGeneratedKeys(t *testing.T) {
	t.Parallel()
	private, public, err := receipt.GenerateKey(origin)
	if err != nil {
		t.Fatal(err)
	}
	signers, err := receipt.ParsePrivateKeys([]byte("\n" + private + "\r\n\n"))
	if err != nil || len(signers) != 1 || signers[0].PublicKey() != public || public.Witness() || public.Name() != origin {
		t.Fatalf("got %v, %v for %v", signers, err, public)
	}
	if parsed, err := receipt.ParsePublicKey(public.String()); err != nil || parsed != public {
		t.Errorf("got %v (error %v)", parsed, err)
	}
	// Go's own reader of notes accepts it too.
	verifier, err := note.NewVerifier(public.String())
	if err != nil {
		t.Fatal(err)
	}
	sig, err := signers[0].Sign([]byte("text"))
	if err != nil || !verifier.Verify([]byte("text"), sig) || fmt.Sprintf("%s+%08x", verifier.Name(), verifier.KeyHash()) != public.ID() {
		t.Errorf("signature, name or hash differs from Go's note package: %v", err)
	}
	if _, another, err := receipt.GenerateKey(origin); err != nil || another == public {
		t.Errorf("two generated keys are equal: %v", err)
	}
	for _, name := range []string{"", "a log", "a+log", "lögg", "a\nlog", strings.Repeat("l", 256)} {
		_, _, err := receipt.GenerateKey(name)
		wantKind(t, err, receipt.BadKey)
	}
}

// secretOf returns the secret part of a private key.
func secretOf(private string) string { return private[strings.LastIndex(private, "+")+1:] }

func TestPrivateKeyNotPrinted(t *testing.T) {
	t.Parallel()
	private := logKey(t, origin, "log")
	seed := seeded("log").Seed()
	s := signer(t, origin, "log")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		for _, value := range []any{s, &s, []receipt.Signer{s}, struct{ S receipt.Signer }{s}} {
			got := fmt.Sprintf(verb, value)
			for _, secret := range []string{secretOf(private), fmt.Sprintf("%x", seed), fmt.Sprintf("%X", seed), strings.Trim(fmt.Sprint(seed), "[]")} {
				if strings.Contains(got, secret) {
					t.Errorf("printing %[2]T with %[1]s shows the key", verb, value)
				}
			}
		}
	}
}

func TestParsePrivateKeysErrors(t *testing.T) {
	t.Parallel()
	a, b := logKey(t, origin, "a"), logKey(t, origin, "b")
	other := logKey(t, "other.example/log", "a")
	if signers, err := receipt.ParsePrivateKeys([]byte(a + "\n" + b)); err != nil || len(signers) != 2 ||
		signers[0].PublicKey() != signer(t, origin, "a").PublicKey() || signers[1].PublicKey() != signer(t, origin, "b").PublicKey() {
		t.Fatalf("two keys: got %v (error %v)", signers, err)
	}
	odd, _ := keysNamed(t, "lögg")
	cut := strings.LastIndex(a, "+") + 1
	for name, c := range map[string]struct{ text, want string }{
		"nothing":         {"", "there is no private key in it"},
		"empty lines":     {"\n \n", "there is no private key in it"},
		"a public key":    {a + "\n" + signer(t, origin, "b").PublicKey().String(), "line 2 is no private key"},
		"a short key":     {a + "\n" + b[:len(b)-8], "line 2 is no private key"},
		"another name":    {strings.Replace(a, origin, "other.example", 1), "line 1 is no private key"},
		"another kind":    {a[:cut] + "BA" + a[cut+2:], "line 1 is no private key"},
		"another hash":    {a + "\n\n" + b[:len(b)-len(secretOf(b))] + secretOf(a), "line 3 is no private key"},
		"an odd name":     {odd, "line 1 is no private key"},
		"two logs":        {a + "\n" + other, "line 2 is the key of another log than those above"},
		"twice":           {a + "\n\n" + b + "\n" + a, "line 4 repeats a key from above"},
		"two on one line": {a + " " + b, "line 1 is no private key"},
	} {
		signers, err := receipt.ParsePrivateKeys([]byte(c.text))
		wantKind(t, err, receipt.BadKey)
		if signers != nil || err == nil || err.Error() != c.want {
			t.Errorf("%s: want %q, got %v, %v", name, c.want, signers, err)
		}
	}
}

// keysNamed makes keys with a name that a note accepts but this package does not.
func keysNamed(t *testing.T, name string) (private, public string) {
	t.Helper()
	private, public, err := note.GenerateKey(nil, name)
	if err != nil {
		t.Fatal(err)
	}
	return private, public
}

func TestParsePublicKeysErrors(t *testing.T) {
	t.Parallel()
	a, w := signer(t, origin, "a").PublicKey(), newWitness("witness.example/w1").key(t)
	if keys, err := receipt.ParsePublicKeys([]byte(a.String() + "\n\n" + w.String() + "\n")); err != nil || !slices.Equal(keys, []receipt.PublicKey{a, w}) {
		t.Fatalf("two keys: got %v (error %v)", keys, err)
	}
	if !w.Witness() || w.Name() != "witness.example/w1" {
		t.Errorf("%v is not a witness's key", w)
	}
	text := a.String()
	_, odd := keysNamed(t, "lögg")
	for name, c := range map[string]struct{ text, want string }{
		"nothing":           {"", "there is no public key in it"},
		"a private key":     {text + "\n" + logKey(t, origin, "a"), "line 2 is a private key, where a public one is wanted"},
		"another hash":      {strings.Replace(text, a.ID(), origin+"+00000000", 1), "line 1 is no public key"},
		"a hash in capital": {strings.ToUpper(text), "line 1 is no public key"},
		"another name":      {"x" + text, "line 1 is no public key"},
		"an odd name":       {odd, "line 1 is no public key"},
		"no hash":           {origin, "line 1 is no public key"},
		"another kind":      {strings.Replace(text, "+A", "+B", 1), "line 1 is no public key"},
		"too short":         {text[:len(text)-4], "line 1 is no public key"},
	} {
		_, err := receipt.ParsePublicKeys([]byte(c.text))
		wantKind(t, err, receipt.BadKey)
		if err == nil || err.Error() != c.want {
			t.Errorf("%s: want %q, got %v", name, c.want, err)
		}
	}
}

func FuzzParsePrivateKeys(f *testing.F) {
	a, b := logKey(f, origin, "a"), logKey(f, origin, "b")
	for _, text := range []string{a, a + "\n" + b, a + "\n" + a, a[:60], "", "PRIVATE+KEY+++"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		signers, err := receipt.ParsePrivateKeys(text)
		if err != nil {
			wantKind(t, err, receipt.BadKey)
			if len(err.Error()) > 80 {
				t.Errorf("want an error of at most 80 bytes, got %v", err)
			}
			return
		}
		for _, s := range signers {
			if verifier, err := note.NewVerifier(s.PublicKey().String()); err != nil || verifier.KeyHash() != s.KeyHash() {
				t.Errorf("the public key %s does not belong to the private key: %v", s, err)
			}
		}
	})
}

func FuzzParsePublicKey(f *testing.F) {
	f.Add(signer(f, origin, "a").PublicKey().String())
	f.Add(newWitness("witness.example/w1").key(f).String())
	f.Add("++")
	f.Fuzz(func(t *testing.T, text string) {
		key, err := receipt.ParsePublicKey(text)
		if err != nil {
			wantKind(t, err, receipt.BadKey)
		} else if key.String() != text {
			t.Errorf("%q is formatted as %q", text, key)
		} else if _, err := note.NewVerifier(text); err != nil && !key.Witness() {
			t.Errorf("Go's own reader refuses %q: %v", text, err)
		}
	})
}
