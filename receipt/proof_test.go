package receipt_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"lethe/receipt"
)

func TestProofFile(t *testing.T) {
	t.Parallel()
	s := newSmall(t)
	for size := int64(1); size <= 9; size++ {
		signed := s.log.sign(t, size, s.key)
		for index := range size {
			want := s.log.proof(t, index, size, signed)
			got, err := receipt.ParseProof(format(t, want))
			if err != nil {
				t.Fatalf("leaf %d of %d: %v", index, size, err)
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("leaf %d of %d: want %+v, got %+v", index, size, want, got)
			}
		}
	}
}

func TestFormatProofErrors(t *testing.T) {
	t.Parallel()
	s := newSmall(t)
	for name, c := range map[string]struct {
		change func(*receipt.Proof)
		kind   receipt.Kind
	}{
		"no receipt":       {func(p *receipt.Proof) { p.Receipt = nil }, receipt.BadProof},
		"a long receipt":   {func(p *receipt.Proof) { p.Receipt = make([]byte, receipt.MaxReceipt+1) }, receipt.BadProof},
		"a negative index": {func(p *receipt.Proof) { p.Index = -1 }, receipt.BadProof},
		"a huge index":     {func(p *receipt.Proof) { p.Index = 1<<53 - 1 }, receipt.BadProof},
		"too many hashes":  {func(p *receipt.Proof) { p.Hashes = make([]tlog.Hash, 54) }, receipt.BadProof},
		"no checkpoint":    {func(p *receipt.Proof) { p.Checkpoint = nil }, receipt.BadCheckpoint},
	} {
		p := s.log.proof(t, 2, 9, s.signed)
		c.change(&p)
		_, err := receipt.FormatProof(p)
		if err == nil {
			t.Errorf("%s: got no error", name)
			continue
		}
		wantKind(t, err, c.kind)
	}
}

// TestLongestProof: the longest proof that can be formatted can be parsed.
func TestLongestProof(t *testing.T) {
	t.Parallel()
	s := newSmall(t)
	file := format(t, receipt.Proof{
		Receipt: make([]byte, receipt.MaxReceipt), Index: 1<<53 - 2, Hashes: make([]tlog.Hash, 53), Checkpoint: s.signed,
	})
	if len(file)+64<<10 > receipt.MaxProof {
		t.Errorf("the longest proof has more than %d bytes: %d", receipt.MaxProof, len(file))
	}
	if _, err := receipt.ParseProof(file); err != nil {
		t.Error(err)
	}
}

func TestParseProofErrors(t *testing.T) {
	t.Parallel()
	file := string(newSmall(t).file)
	lines := strings.SplitAfter(file, "\n")
	in := func(old, new string) string { return strings.Replace(file, old, new, 1) }
	hash := strings.TrimSuffix(lines[3], "\n")
	for name, text := range map[string]string{
		"nothing":             "",
		"a header alone":      "c2sp.org/tlog-proof@v1\n",
		"another header":      in("@v1", "@v2"),
		"no receipt":          in(lines[1], ""),
		"an empty receipt":    in(lines[1], "extra \n"),
		"no space":            in("extra ", "extra"),
		"two spaces":          in("extra ", "extra  "),
		"no index":            in(lines[2], ""),
		"a leading zero":      in("index 2", "index 02"),
		"a plus":              in("index 2", "index +2"),
		"a negative index":    in("index 2", "index -2"),
		"an index of letters": in("index 2", "index two"),
		"no padding":          in(hash, strings.TrimSuffix(hash, "=")),
		"trailing bits":       in(hash, hash[:42]+nextInAlphabet(hash[42])+"="),
		"a short hash":        in(hash, "AAAA"),
		"a space after":       in(hash, hash+" "),
		"no empty line":       in("\n\n", "\n"),
		"two empty lines":     in("\n\n", "\n\n\n"),
		"carriage returns":    strings.ReplaceAll(file, "\n", "\r\n"),
		"one carriage return": in("\n"+hash, "\r\n"+hash),
		"a byte order mark":   "\ufeff" + file,
		"a newline in front":  "\n" + file,
		"a newline after":     file + "\n",
		"a space at the end":  file + " ",
		"two files":           file + file,
		"another field":       in("index", "note hello\nindex"),
		"too many hashes":     in(hash+"\n", strings.Repeat(hash+"\n", 60)),
		"too long":            in(hash+"\n", strings.Repeat(hash+"\n", receipt.MaxProof/40)),
	} {
		if text == file {
			t.Errorf("%s: the case changes nothing", name)
		}
		_, err := receipt.ParseProof([]byte(text))
		if err == nil {
			t.Errorf("%s: got no error", name)
			continue
		}
		if e, ok := err.(*receipt.Error); !ok || e.Kind != receipt.BadProof && e.Kind != receipt.BadCheckpoint || len(e.Reason) > 200 {
			t.Errorf("%s: got %#v", name, err)
		}
	}
}

func FuzzParseProof(f *testing.F) {
	s := newSmall(f)
	f.Add(s.file)
	f.Add(s.log.file(f, 0, 1, s.log.sign(f, 1, s.key)))
	f.Add([]byte("c2sp.org/tlog-proof@v1\nextra AAAA\nindex 0\n\n" + origin + "\n1\n" + someRoot + "\n\n— a AAAAAAA=\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		p, err := receipt.ParseProof(file)
		if err != nil {
			if _, ok := err.(*receipt.Error); !ok {
				t.Errorf("got %#v, want an *Error", err)
			}
			return
		}
		if again := format(t, p); !bytes.Equal(again, file) {
			t.Errorf("accepted\n%s\nwhose canonical form is\n%s", file, again)
		}
	})
}
