package receipt_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"lethe/receipt"
)

const someRoot = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="

func TestCheckpointText(t *testing.T) {
	t.Parallel()
	// The example of C2SP tlog-checkpoint.
	const text = "example.com/behind-the-sofa\n20852163\n" + someRoot + "\n"
	c, err := receipt.ParseCheckpoint([]byte(text))
	if err != nil || c.Origin != "example.com/behind-the-sofa" || c.Size != 20852163 || c.Root.String() != someRoot {
		t.Errorf("got %+v, %v", c, err)
	}
	if again, err := receipt.FormatCheckpoint(c); err != nil || string(again) != text {
		t.Errorf("got %s, %v", again, err)
	}
	empty, err := tlog.TreeHash(0, nil)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := receipt.FormatCheckpoint(receipt.Checkpoint{Origin: origin, Root: empty}); err != nil ||
		string(text) != origin+"\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n" {
		t.Errorf("no leaves: got %s, %v", text, err)
	}
}

func TestParseCheckpointErrors(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"nothing":          "",
		"two lines":        origin + "\n1\n",
		"an extension":     origin + "\n1\n" + someRoot + "\nmore\n",
		"no newline":       origin + "\n1\n" + someRoot,
		"no origin":        "\n1\n" + someRoot + "\n",
		"an odd origin":    "a log\n1\n" + someRoot + "\n",
		"a leading zero":   origin + "\n01\n" + someRoot + "\n",
		"a plus":           origin + "\n+1\n" + someRoot + "\n",
		"a negative size":  origin + "\n-1\n" + someRoot + "\n",
		"a huge size":      origin + "\n9007199254740992\n" + someRoot + "\n",
		"a larger size":    origin + "\n9223372036854775808\n" + someRoot + "\n",
		"no size":          origin + "\n\n" + someRoot + "\n",
		"none, with root":  origin + "\n0\n" + someRoot + "\n",
		"a short root":     origin + "\n1\nAAAA\n",
		"trailing bits":    origin + "\n1\n" + strings.Replace(someRoot, "2I=", "2J=", 1) + "\n",
		"carriage returns": origin + "\r\n1\r\n" + someRoot + "\r\n",
		"no root":          origin + "\n1\n\n",
	} {
		_, err := receipt.ParseCheckpoint([]byte(text))
		if err == nil {
			t.Errorf("%s: got no error", name)
			continue
		}
		wantKind(t, err, receipt.BadCheckpoint)
	}
}

// TestSignedCheckpoints signs with one key, two in rotation and two witnesses, and
// compares with Go's own reader of notes.
func TestSignedCheckpoints(t *testing.T) {
	t.Parallel()
	var log testLog
	log.add(t, encode(t, single(0)))
	c := log.checkpoint(t, 1)
	older, newer := signer(t, origin, "older"), signer(t, origin, "newer")
	signed := sign(t, c, newer, older)
	if other := sign(t, c, older, newer); !bytes.Equal(signed, other) {
		t.Error("the checkpoint depends on the order of the keys")
	}
	keys := []receipt.PublicKey{older.PublicKey(), newer.PublicKey()}
	for _, name := range []string{"witness.example/w2", "a.example/w1"} {
		w := newWitness(name)
		keys = append(keys, w.key(t))
		var err error
		if signed, err = receipt.AddCosignature(signed, w.line(c, executed), keys); err != nil {
			t.Fatal(err)
		}
	}
	got, signatures, err := receipt.OpenCheckpoint(signed, keys)
	if err != nil || got != c || len(signatures) != 4 {
		t.Fatalf("got %+v, %v, %v", got, signatures, err)
	}
	for i, name := range []string{origin, origin, "a.example/w1", "witness.example/w2"} {
		s := signatures[i]
		if s.Key.Name() != name || s.Key.Witness() != (i > 1) || s.Time.IsZero() == s.Key.Witness() || !s.Time.IsZero() && s.Time.Unix() != executed.Unix() {
			t.Errorf("signature %d: got %+v", i, s)
		}
	}
	var verifiers []note.Verifier
	for _, key := range keys[:2] {
		v, err := note.NewVerifier(key.String())
		if err != nil {
			t.Fatal(err)
		}
		verifiers = append(verifiers, v)
	}
	n, err := note.Open(signed, note.VerifierList(verifiers...))
	if err != nil || len(n.Sigs) != 2 || len(n.UnverifiedSigs) != 2 {
		t.Errorf("note.Open: got %+v (error %v)", n, err)
	}
}

func TestSignCheckpointErrors(t *testing.T) {
	t.Parallel()
	c := receipt.Checkpoint{Origin: origin, Size: 1}
	key := signer(t, origin, "log")
	_, err := receipt.SignCheckpoint[receipt.Signer](c)
	wantKind(t, err, receipt.BadKey)
	_, err = receipt.SignCheckpoint(c, signer(t, "other.example/log", "log"))
	wantKind(t, err, receipt.BadKey)
	_, err = receipt.SignCheckpoint(c, key, key)
	wantKind(t, err, receipt.BadCheckpoint)
	_, err = receipt.SignCheckpoint(receipt.Checkpoint{Origin: origin, Size: -1}, key)
	wantKind(t, err, receipt.BadCheckpoint)
}

// signedWith replaces the signatures of a signed checkpoint.
func signedWith(signed []byte, lines ...string) []byte {
	text, _, _ := bytes.Cut(signed, []byte("\n\n"))
	return []byte(string(text) + "\n\n" + strings.Join(lines, ""))
}

func TestOpenCheckpointErrors(t *testing.T) {
	t.Parallel()
	var log testLog
	log.add(t, encode(t, single(0)), encode(t, single(1)))
	c, before := log.checkpoint(t, 2), log.checkpoint(t, 1)
	key, second, stranger := signer(t, origin, "log"), signer(t, origin, "second"), signer(t, origin, "stranger")
	namesake := signer(t, "other.example/log", "log")
	w, unknown := newWitness("witness.example/w1"), newWitness("unknown.example/w1")
	keys := []receipt.PublicKey{key.PublicKey(), second.PublicKey(), namesake.PublicKey(), w.key(t)}
	signed := sign(t, c, key)
	lineOf := func(signed []byte) string {
		_, line, _ := strings.Cut(string(signed), "\n\n")
		return line
	}
	own, witnessed := lineOf(signed), string(w.line(c, executed))
	both := strings.SplitAfter(lineOf(sign(t, c, key, second)), "\n")[:2]
	// A signature of the other log's key over this log's checkpoint.
	text, err := receipt.FormatCheckpoint(c)
	if err != nil {
		t.Fatal(err)
	}
	n, err := note.Sign(&note.Note{Text: string(text)}, namesake)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := receipt.OpenCheckpoint(signedWith(signed, own, witnessed), keys); err != nil {
		t.Fatal("the unchanged checkpoint is invalid:", err)
	}
	for name, c := range map[string]struct {
		signed []byte
		kind   receipt.Kind
	}{
		"nothing":                 {nil, receipt.BadCheckpoint},
		"not signed":              {signedWith(signed), receipt.BadCheckpoint},
		"no signatures at all":    {text, receipt.BadCheckpoint},
		"no newline":              {bytes.TrimSuffix(signed, []byte("\n")), receipt.BadCheckpoint},
		"an empty line":           {signedWith(signed, own, "\n"), receipt.BadCheckpoint},
		"something after":         {signedWith(signed, own, "more\n"), receipt.BadCheckpoint},
		"a hyphen":                {signedWith(signed, strings.Replace(own, "—", "-", 1)), receipt.BadCheckpoint},
		"no base64":               {signedWith(signed, own[:len(own)-2]+"\n"), receipt.BadCheckpoint},
		"an empty signature":      {signedWith(signed, "— "+origin+" AAAAAA==\n"), receipt.BadCheckpoint},
		"an odd name":             {signedWith(signed, strings.Replace(own, origin, "lögg", 1)), receipt.BadCheckpoint},
		"two spaces":              {signedWith(signed, strings.Replace(own, origin+" ", origin+"  ", 1)), receipt.BadCheckpoint},
		"a carriage return":       {signedWith(signed, strings.Replace(own, "\n", "\r\n", 1)), receipt.BadCheckpoint},
		"twice":                   {signedWith(signed, own, own), receipt.BadCheckpoint},
		"keys in another order":   {signedWith(signed, both[1], both[0]), receipt.BadCheckpoint},
		"the witness first":       {signedWith(signed, witnessed, own), receipt.BadCheckpoint},
		"too long":                {signedWith(signed, own, strings.Repeat("— a.example AAAAAAA=\n", 4000)), receipt.BadCheckpoint},
		"an unknown key of it":    {sign(t, log.checkpoint(t, 2), key, stranger), receipt.UnknownKey},
		"an unknown witness":      {signedWith(signed, own, string(unknown.line(log.checkpoint(t, 2), executed))), receipt.UnknownKey},
		"the witness alone":       {signedWith(signed, witnessed), receipt.UnknownKey},
		"another log's key":       {n, receipt.UnknownKey},
		"of another tree":         {signedWith(signed, lineOf(sign(t, before, key))), receipt.BadSignature},
		"another tree, witnessed": {signedWith(signed, own, string(w.line(before, executed))), receipt.BadSignature},
		"another time": {signedWith(signed, own, changedRaw(t, witnessed, func(raw []byte) []byte {
			raw[11]++
			return raw
		})), receipt.BadSignature},
		"a time beyond all": {signedWith(signed, own, changedRaw(t, witnessed, func(raw []byte) []byte {
			raw[4] = 0xff
			return raw
		})), receipt.BadSignature},
		"a time JSON has not": {signedWith(signed, own, string(w.line(c, time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)))), receipt.BadSignature},
		"a short signature":   {signedWith(signed, changedRaw(t, own, func(raw []byte) []byte { return raw[:67] })), receipt.BadSignature},
		"a short cosignature": {signedWith(signed, own, changedRaw(t, witnessed, func(raw []byte) []byte { return raw[:75] })), receipt.BadSignature},
	} {
		if _, _, err := receipt.OpenCheckpoint(c.signed, keys); err == nil {
			t.Errorf("%s: got no error", name)
		} else if e, ok := err.(*receipt.Error); !ok || e.Kind != c.kind {
			t.Errorf("%s: want %s, got %#v", name, c.kind, err)
		}
	}
}

// changedRaw changes the bytes within the base64 of a signature line.
func changedRaw(t *testing.T, line string, change func([]byte) []byte) string {
	t.Helper()
	prefix, encoded, _ := strings.Cut(strings.TrimPrefix(strings.TrimSuffix(line, "\n"), "— "), " ")
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("— %s %s\n", prefix, base64.StdEncoding.EncodeToString(change(raw)))
}

func TestAddCosignature(t *testing.T) {
	t.Parallel()
	s := newSmall(t)
	c := s.log.checkpoint(t, 9)
	later := s.witness.line(c, executed.Add(time.Hour))
	again, err := receipt.AddCosignature(s.signed, later, s.keys)
	if err != nil || bytes.Count(again, []byte("\n")) != bytes.Count(s.signed, []byte("\n")) || !bytes.HasSuffix(again, later) {
		t.Errorf("a second signature does not replace the first: %v\n%s", err, again)
	}
	unknown := newWitness("unknown.example/w1")
	own := bytes.SplitAfter(s.log.sign(t, 9, s.key), []byte("\n\n"))[1]
	for name, c := range map[string]struct {
		signed, line []byte
		kind         receipt.Kind
	}{
		"an unknown witness": {s.signed, unknown.line(c, executed), receipt.UnknownKey},
		"of another tree":    {s.signed, s.witness.line(s.log.checkpoint(t, 8), executed), receipt.BadSignature},
		"the log's own":      {s.signed, own, receipt.UnknownKey},
		"no line":            {s.signed, []byte("thanks"), receipt.BadCheckpoint},
		"two lines":          {s.signed, slices.Concat(later, later), receipt.BadCheckpoint},
		"no checkpoint":      {own, later, receipt.BadCheckpoint},
	} {
		if changed, err := receipt.AddCosignature(c.signed, c.line, s.keys); err == nil {
			t.Errorf("%s: got %s", name, changed)
		} else if e, ok := err.(*receipt.Error); !ok || e.Kind != c.kind {
			t.Errorf("%s: want %s, got %#v", name, c.kind, err)
		}
	}
}

func FuzzOpenCheckpoint(f *testing.F) {
	s := newSmall(f)
	f.Add(s.signed)
	f.Add(s.log.sign(f, 3, s.key))
	f.Add(s.file)
	f.Add([]byte(origin + "\n9\n" + someRoot + "\n\n— a AAAAAAA=\n"))
	f.Fuzz(func(t *testing.T, signed []byte) {
		// No signature is forged here, so an accepted checkpoint is one that was
		// signed.
		if c, _, err := receipt.OpenCheckpoint(signed, s.keys); err == nil {
			if root := s.log.checkpoint(t, c.Size); c != root {
				t.Errorf("accepted a checkpoint that was not signed: %s", signed)
			}
		} else if _, ok := err.(*receipt.Error); !ok {
			t.Errorf("got %#v, want an *Error", err)
		}
	})
}
