package receipt_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"lethe/receipt"
)

var update = flag.Bool("update", false, "write docs/vectors anew")

const (
	vectorsFolder = "../docs/vectors"
	formatPage    = "../docs/receipt-format.md"
)

// pageForm finds the form in the page's Python.
var pageForm = regexp.MustCompile("(?s)(\n```python\nFORM = )(\\{\n.*?\n\\}\n)(```\n)")

// vectors is vectors.json: what the files next to it prove, or why they do not.
type vectors struct {
	Keys   map[string]string `json:"keys"` // public
	Proofs []vector          `json:"proofs"`
}

// vector is a file with the input of its check, and the result.
type vector struct {
	File      string   `json:"file"`
	Keys      []string `json:"keys"`                // names of keys
	Salt      string   `json:"salt,omitempty"`      // hex
	Responses []string `json:"responses,omitempty"` // to be found with the salt
	Owners    []string `json:"owners,omitempty"`    // likewise
	Older     string   `json:"older,omitempty"`     // a file
	Tiles     string   `json:"tiles,omitempty"`     // a folder

	Proven bool   `json:"proven"`
	Leaf   string `json:"leaf,omitempty"` // hash of the receipt, in base64
	Kind   string `json:"kind,omitempty"` // of the error
	Reason string `json:"reason,omitempty"`
}

// options are those of a check, one for each response and owner; a single empty one
// if there are none.
func (v vector) options(t *testing.T, files fs.FS) []receipt.Options {
	t.Helper()
	var o receipt.Options
	if v.Salt != "" {
		salt, err := receipt.ParseSalt(v.Salt)
		if err != nil {
			t.Fatal(err)
		}
		o.Salt = &salt
	}
	if v.Older != "" {
		var err error
		if o.Older, err = fs.ReadFile(files, v.Older); err != nil {
			t.Fatal(err)
		}
	}
	if v.Tiles != "" {
		var err error
		if o.Tiles, err = fs.Sub(files, v.Tiles); err != nil {
			t.Fatal(err)
		}
	}
	var all []receipt.Options
	for _, response := range v.Responses {
		o, id := o, uuid.MustParse(response)
		o.Response = &id
		all = append(all, o)
	}
	for _, owner := range v.Owners {
		o := o
		o.Owner = &owner
		all = append(all, o)
	}
	if len(all) == 0 {
		all = append(all, o)
	}
	return all
}

// TestVectors: the files in docs/vectors are those that this program makes, and give
// the results in vectors.json.
func TestVectors(t *testing.T) {
	t.Parallel()
	made := makeVectors(t)
	if *update {
		if err := os.RemoveAll(vectorsFolder); err != nil {
			t.Fatal(err)
		}
		for path, data := range made {
			path = filepath.Join(vectorsFolder, path)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	files := os.DirFS(vectorsFolder)
	var there []string
	err := fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		there = append(there, path)
		data, err := fs.ReadFile(files, path)
		if err == nil && !bytes.Equal(data, made[path]) {
			t.Errorf("%s is out of date: run go test ./receipt -run Vectors -update", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := slices.Sorted(maps.Keys(made)); !slices.Equal(there, want) {
		t.Errorf("want the files %v, got %v", want, there)
	}

	data, err := fs.ReadFile(files, "vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var all vectors
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for _, v := range all.Proofs {
		kinds[v.Kind]++
		file, err := fs.ReadFile(files, v.File)
		if err != nil {
			t.Fatal(err)
		}
		var keys []receipt.PublicKey
		for _, name := range v.Keys {
			key, err := receipt.ParsePublicKey(all.Keys[name])
			if err != nil {
				t.Fatal(err)
			}
			keys = append(keys, key)
		}
		for _, o := range v.options(t, files) {
			r, err := receipt.Check(file, keys, o)
			switch problem, _ := err.(*receipt.Error); {
			case v.Proven && err != nil:
				t.Errorf("%s: %v", v.File, err)
			case v.Proven && tlog.RecordHash(encode(t, r.Receipt)).String() != v.Leaf:
				t.Errorf("%s: the leaf hash differs", v.File)
			case !v.Proven && (problem == nil || string(problem.Kind) != v.Kind || problem.Reason != v.Reason):
				t.Errorf("%s: want %s: %s, got %#v", v.File, v.Kind, v.Reason, err)
			}
		}
	}
	for _, kind := range append(receipt.FormWords(t)["kind"], "") {
		if kinds[kind] == 0 && kind != string(receipt.BadKey) { // which concerns a key, not a file
			t.Errorf("no vector has the kind %q", kind)
		}
	}
}

// TestPage: docs/receipt-format.md contains the same form as the vectors, and its
// tables list every word, in order if there is one.
func TestPage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(formatPage)
	if err != nil {
		t.Fatal(err)
	}
	form := makeVectors(t)["form.json"]
	if *update {
		page = pageForm.ReplaceAll(page, slices.Concat([]byte("${1}"), bytes.ReplaceAll(form, []byte("$"), []byte("$$")), []byte("${3}")))
		if err := os.WriteFile(formatPage, page, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if found := pageForm.FindSubmatch(page); found == nil || !bytes.Equal(found[2], form) {
		t.Errorf("%s has another form: run go test ./receipt -run 'Vectors|Page' -update", formatPage)
	}
	for field, words := range receipt.FormWords(t) {
		heading := "| `" + field + "` |"
		if field == "kind" {
			heading = "| kind | the file"
		}
		_, rest, ok := strings.Cut(string(page), heading)
		row, _, _ := strings.Cut(rest, "\n")
		if field == "kind" {
			row, _, _ = strings.Cut(rest, "\n\n")
			words = slices.DeleteFunc(words, func(kind string) bool { return kind == string(receipt.BadKey) })
		}
		if !ok {
			t.Errorf("the page has no row for %s", field)
		}
		ordered := field == "counts" || field == "not_covered"
		for _, word := range words {
			before, after, ok := strings.Cut(row, "`"+word+"`")
			if !ok {
				t.Errorf("%s: the page lacks %s or has it out of order", field, word)
			} else if row = before + after; ordered {
				row = after
			}
		}
	}
}

// makeVectors returns the content of docs/vectors. Nothing in it is random.
func makeVectors(t *testing.T) map[string][]byte {
	t.Helper()
	m := vectorMaker{T: t, files: map[string][]byte{}, all: vectors{Keys: map[string]string{}}}
	key, next, stranger := signer(t, origin, "log"), signer(t, origin, "next"), signer(t, origin, "stranger")
	w := newWitness("witness.example/w1")
	for name, k := range map[string]receipt.PublicKey{
		"log": key.PublicKey(), "next": next.PublicKey(), "stranger": stranger.PublicKey(), "witness": w.key(t),
	} {
		m.all.Keys[name] = k.String()
	}

	log := &testLog{}
	for _, r := range m.receipts() {
		log.add(t, encode(t, r))
	}
	witnessed := func(size int64, signers ...note.Signer) []byte {
		signed := log.sign(t, size, signers...)
		keys := []receipt.PublicKey{key.PublicKey(), next.PublicKey(), w.key(t)}
		signed, err := receipt.AddCosignature(signed, w.line(log.checkpoint(t, size), executed.Add(24*time.Hour)), keys)
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
	for path, file := range log.tiles(t, 300) {
		m.files["mirror/"+path] = file.Data
	}
	m.files["8.checkpoint"] = log.sign(t, 8, key)
	m.files["300.checkpoint"] = log.sign(t, 300, key)

	single := vector{Salt: hexSalt(0), Responses: ids("response", 0), Owners: []string{owner}}
	good := func(name string, index, size int64, signed []byte, v vector, keys ...string) {
		v.Keys, v.Leaf = keys, tlog.RecordHash(log.leaves[index]).String()
		m.add(name, log.file(t, index, size, signed), v)
	}
	good("single", 0, 1, log.sign(t, 1, key), single, "log")
	good("single-of-8", 0, 8, log.sign(t, 8, key), single, "log")
	good("bulk", 1, 2, log.sign(t, 2, key), vector{Salt: hexSalt(1), Responses: ids("response", 1, 1001, 1002), Owners: []string{owner, anotherOwner}}, "log")
	good("level", 2, 3, log.sign(t, 3, key), vector{}, "log")
	good("retention", 3, 7, log.sign(t, 7, key), vector{Salt: hexSalt(3), Responses: ids("response", 3)}, "log")
	good("sweep", 4, 256, log.sign(t, 256, key), vector{}, "log")
	good("rotated", 5, 257, witnessed(257, next, key), vector{}, "log", "next", "witness")
	secret := hexSalt(derivedSecret)
	good("derived", 8, 300, log.sign(t, 300, key), vector{Salt: secret, Responses: ids("response", 8, 1008), Owners: []string{owner, anotherOwner}}, "log")
	good("derived-too", 9, 300, log.sign(t, 300, key), vector{Salt: secret, Responses: ids("response", 9), Owners: []string{owner}}, "log")
	good("last", 299, 300, witnessed(300, key), vector{}, "log", "witness")
	good("parts", 10, 300, log.sign(t, 300, key), vector{Salt: hexSalt(10), Responses: ids("response", 10), Owners: []string{owner}}, "log")
	good("nothing", 11, 300, log.sign(t, 300, key), vector{Salt: hexSalt(11), Owners: []string{owner}}, "log")
	good("orphans", 12, 300, log.sign(t, 300, key), vector{Salt: hexSalt(12), Responses: ids("response", 12)}, "log")
	good("history", 0, 300, log.sign(t, 300, key), vector{Older: "8.checkpoint", Tiles: "mirror"}, "log")
	m.addSame("retention", vector{Keys: []string{"log"}, Older: "300.checkpoint", Tiles: "mirror", Proven: true, Leaf: tlog.RecordHash(log.leaves[3]).String()})

	// Each bad file is wrong in one place.
	bad := func(name string, kind receipt.Kind, reason string, file []byte, keys ...string) {
		if len(keys) == 0 {
			keys = []string{"log"}
		}
		m.add("bad-"+name, file, vector{Keys: keys, Kind: string(kind), Reason: reason})
	}
	of8 := m.files["single-of-8.receipt"]
	in := func(old, new string) []byte {
		if !bytes.Contains(of8, []byte(old)) {
			t.Fatalf("the file does not contain %q", old)
		}
		return bytes.Replace(of8, []byte(old), []byte(new), 1)
	}
	changed := func(change func(*receipt.Proof)) []byte {
		p := log.proof(t, 0, 8, log.sign(t, 8, key))
		change(&p)
		return format(t, p)
	}
	hash := log.proof(t, 0, 8, log.sign(t, 8, key)).Hashes[0].String()

	const changedSince = "the receipt, or its proof, was changed since it was sealed: it is not leaf "
	const notLeaf0 = changedSince + "0 of the log's tree of size 8"
	bad("receipt-replaced", receipt.NotIncluded, notLeaf0, changed(func(p *receipt.Proof) { p.Receipt = log.leaves[9] }))
	bad("receipt-altered", receipt.NotIncluded, notLeaf0, changed(func(p *receipt.Proof) {
		p.Receipt = bytes.Replace(p.Receipt, []byte(`"requests":1`), []byte(`"requests":0`), 1)
	}))
	bad("receipt-no-json", receipt.NotIncluded, notLeaf0, changed(func(p *receipt.Proof) {
		p.Receipt = bytes.Replace(p.Receipt, []byte("{"), []byte("["), 1)
	}))
	bad("receipt-time-changed", receipt.NotIncluded, notLeaf0, changed(func(p *receipt.Proof) {
		p.Receipt = bytes.Replace(p.Receipt, []byte(`"executed_at":"2026`), []byte(`"executed_at":"XXXX`), 1)
	}))
	bad("index", receipt.NotIncluded, changedSince+"1 of the log's tree of size 8", changed(func(p *receipt.Proof) { p.Index = 1 }))
	bad("index-beyond", receipt.NotIncluded, changedSince+"8 of the log's tree of size 8", changed(func(p *receipt.Proof) { p.Index = 8 }))
	bad("hash-missing", receipt.NotIncluded, notLeaf0, changed(func(p *receipt.Proof) { p.Hashes = p.Hashes[:2] }))
	bad("hash-too-many", receipt.NotIncluded, notLeaf0, changed(func(p *receipt.Proof) { p.Hashes = append(p.Hashes, p.Hashes[0]) }))
	bad("hashes-swapped", receipt.NotIncluded, notLeaf0, changed(func(p *receipt.Proof) { slices.Reverse(p.Hashes) }))
	bad("checkpoint-replaced", receipt.NotIncluded, changedSince+"0 of the log's tree of size 7", changed(func(p *receipt.Proof) { p.Checkpoint = log.sign(t, 7, key) }))

	unknown := func(k receipt.PublicKey) string {
		return fmt.Sprintf("the checkpoint is signed with %s, and that key is not given", k.ID())
	}
	bad("unknown-signature", receipt.UnknownKey, unknown(stranger.PublicKey()), changed(func(p *receipt.Proof) { p.Checkpoint = log.sign(t, 8, key, stranger) }))
	bad("unknown-witness", receipt.UnknownKey, unknown(w.key(t)), changed(func(p *receipt.Proof) { p.Checkpoint = witnessed(8, key) }))
	bad("one-key-of-two", receipt.UnknownKey, unknown(next.PublicKey()), changed(func(p *receipt.Proof) { p.Checkpoint = log.sign(t, 8, key, next) }))
	bad("witness-alone", receipt.UnknownKey, "the checkpoint is not signed by the log lethe.example/log itself",
		changed(func(p *receipt.Proof) {
			p.Checkpoint = signedWith(p.Checkpoint, string(w.line(log.checkpoint(t, 8), executed)))
		}), "log", "witness")
	lineOf := func(signed []byte) string { return string(bytes.SplitAfter(signed, []byte("\n\n"))[1]) }
	bad("signature", receipt.BadSignature, "the checkpoint's signature with "+key.PublicKey().ID()+" is wrong",
		changed(func(p *receipt.Proof) { p.Checkpoint = signedWith(p.Checkpoint, lineOf(log.sign(t, 7, key))) }))
	bad("witness-signature", receipt.BadSignature, "the checkpoint's signature with "+w.key(t).ID()+" is wrong",
		changed(func(p *receipt.Proof) {
			p.Checkpoint = signedWith(p.Checkpoint, lineOf(p.Checkpoint), string(w.line(log.checkpoint(t, 7), executed)))
		}), "log", "witness")

	differs := func(file []byte) string {
		at := 0
		for at < len(file) && file[at] == of8[at] {
			at++
		}
		return fmt.Sprintf("the file is not in its canonical form from byte %d on", at)
	}
	bad("version", receipt.BadProof, "the file is no receipt: its first line is not c2sp.org/tlog-proof@v1", in("@v1", "@v2"))
	bad("carriage-returns", receipt.BadProof, "the file is no receipt: its first line is not c2sp.org/tlog-proof@v1", bytes.ReplaceAll(of8, []byte("\n"), []byte("\r\n")))
	bad("no-receipt", receipt.BadProof, `the file is no receipt: its second and third line must begin with "extra " and "index "`, in(strings.Split(string(of8), "\n")[1]+"\n", ""))
	zeros := in("index 0", "index 00")
	bad("index-zeros", receipt.BadProof, differs(zeros), zeros)
	trailing := in(hash, hash[:42]+nextInAlphabet(hash[42])+"=")
	bad("base64-bits", receipt.BadProof, differs(trailing), trailing)
	bad("newline-after", receipt.BadCheckpoint, "a line of the checkpoint's signatures is none", append(bytes.Clone(of8), '\n'))
	bad("signed-twice", receipt.BadCheckpoint, "the checkpoint is signed twice with the key "+key.PublicKey().ID(), append(bytes.Clone(of8), lineOf(log.sign(t, 8, key))...))
	two := strings.SplitAfter(lineOf(log.sign(t, 8, key, next)), "\n")
	unordered := signedWith(log.sign(t, 8, key), two[1], two[0])
	at := bytes.Index(unordered, []byte("—")) + len("— "+origin+" ")
	for canonical := log.sign(t, 8, key, next); unordered[at] == canonical[at]; {
		at++
	}
	bad("signatures-unordered", receipt.BadCheckpoint, fmt.Sprintf("the signed checkpoint is not in its canonical form from byte %d on", at),
		append(bytes.SplitAfter(of8, []byte("\n\n"))[0], unordered...), "log", "next")
	extended := bytes.Replace(of8, []byte("\n\n—"), []byte("\nmore\n\n—"), 1)
	bad("extension", receipt.BadCheckpoint, "a checkpoint is of three lines: origin, size and root", extended)

	m.badReceipts(key)

	// Good files, checked with wrong input.
	m.addSame("single", vector{Keys: []string{"log"}, Salt: hexSalt(1), Responses: ids("response", 0), Kind: string(receipt.WrongCommitment),
		Reason: "the response " + ids("response", 0)[0] + " is not among those that the receipt says were erased, or the salt is another's"})
	m.addSame("single", vector{Keys: []string{"log"}, Salt: hexSalt(0), Owners: []string{anotherOwner}, Kind: string(receipt.WrongCommitment),
		Reason: "the owner given is not among those whose responses the receipt says were erased, or the salt is another's"})
	m.addSame("derived", vector{Keys: []string{"log"}, Salt: secret, Responses: ids("response", 9), Kind: string(receipt.WrongCommitment),
		Reason: "the response " + ids("response", 9)[0] + " is not among those that the receipt says were erased, or the salt is another's"})
	derived := receipt.DeriveSalt(saltOf(derivedSecret), numbered("receipt", 9))
	m.addSame("derived", vector{Keys: []string{"log"}, Salt: hex.EncodeToString(derived[:]), Responses: ids("response", 8), Kind: string(receipt.WrongCommitment),
		Reason: "the response " + ids("response", 8)[0] + " is not among those that the receipt says were erased, or the salt is another's"})
	others := parts(5)
	elsewhere := fmt.Sprintf(", or the salt is another's; this receipt is one of 6 parts of its erasure: fetch and verify the others, too: %s, %s, %s and 2 more", others[0], others[1], others[2])
	m.addSame("parts", vector{Keys: []string{"log"}, Salt: hexSalt(10), Responses: ids("response", 13), Kind: string(receipt.WrongCommitment),
		Reason: "the response " + ids("response", 13)[0] + " is not among those that the receipt says were erased" + elsewhere})
	m.addSame("parts", vector{Keys: []string{"log"}, Salt: hexSalt(10), Owners: []string{anotherOwner}, Kind: string(receipt.WrongCommitment),
		Reason: "the owner given is not among those whose responses the receipt says were erased" + elsewhere})
	m.addSame("nothing", vector{Keys: []string{"log"}, Salt: hexSalt(11), Responses: ids("response", 11), Kind: string(receipt.WrongCommitment),
		Reason: "the receipt says of no response that it was erased: check it without one"})
	fork := &testLog{}
	for n := range 8 {
		fork.add(t, fmt.Appendf(nil, "fork %d", n))
	}
	m.files["forked.checkpoint"] = fork.sign(t, 8, key)
	m.addSame("history", vector{Keys: []string{"log"}, Older: "forked.checkpoint", Tiles: "mirror", Kind: string(receipt.Rewritten),
		Reason: "the log lethe.example/log was rewritten: it has signed a checkpoint of size 8 and one of size 300 that do not go on from each other; keep both, they are the evidence"})
	m.addSame("sweep", vector{Keys: []string{"log"}, Older: "8.checkpoint", Tiles: "mirror/tile", Kind: string(receipt.BadTiles),
		Reason: "the tile tile/1/000.p/1 is not there, nor a wider one"})

	data, err := json.MarshalIndent(m.all, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	m.files["vectors.json"] = append(data, '\n')
	var leaves [][]byte
	for _, r := range everything() {
		leaves = append(leaves, encode(t, r))
	}
	m.files["form.json"] = receipt.Form(t, leaves)
	return m.files
}

type vectorMaker struct {
	*testing.T
	files map[string][]byte
	all   vectors
}

func (m *vectorMaker) add(name string, file []byte, v vector) {
	m.Helper()
	name += ".receipt"
	if m.files[name] != nil {
		m.Fatalf("%s was already added", name)
	}
	m.files[name] = file
	v.File, v.Proven = name, v.Kind == ""
	m.all.Proofs = append(m.all.Proofs, v)
}

// addSame adds another use of a file.
func (m *vectorMaker) addSame(name string, v vector) {
	m.Helper()
	v.File = name + ".receipt"
	if m.files[v.File] == nil {
		m.Fatalf("%s was not added", v.File)
	}
	m.all.Proofs = append(m.all.Proofs, v)
}

func hexSalt(n int) string {
	salt := saltOf(n)
	return hex.EncodeToString(salt[:])
}

func ids(kind string, numbers ...int) []string {
	var out []string
	for _, n := range numbers {
		out = append(out, numbered(kind, n).String())
	}
	return out
}

const anotherOwner = "c0000100-0000-4000-8000-000000000005"

// derivedSecret is the number of the secret of a bulk erasure.
const derivedSecret = 2000

// derived returns one of its receipts.
func derived(n int, also ...int) receipt.Receipt {
	r := single(n)
	salt := receipt.DeriveSalt(saltOf(derivedSecret), r.ID)
	r.Trigger, r.Actor = receipt.TriggerBulk, receipt.ActorAdministrator
	r.Responses = []receipt.Commitment{receipt.CommitResponse(salt, numbered("response", n))}
	r.Owners = []receipt.Commitment{receipt.CommitOwner(salt, owner)}
	for _, other := range also {
		r.Counts.Requests++
		r.Responses = append(r.Responses, receipt.CommitResponse(salt, numbered("response", other)))
		r.Owners = append(r.Owners, receipt.CommitOwner(salt, anotherOwner))
	}
	return r
}

// receipts returns the 300 leaves of the log.
func (m *vectorMaker) receipts() []receipt.Receipt {
	bulk := single(1)
	bulk.Trigger, bulk.Actor, bulk.Ground = receipt.TriggerBulk, receipt.ActorAdministrator, receipt.GroundLegalObligation
	bulk.Counts = receipt.Counts{Requests: 3, Steps: 5, Templates: 3, RawRequests: 3, RawResponses: 2, Tasks: 1}
	for _, n := range []int{1001, 1002} {
		bulk.Responses = append(bulk.Responses, receipt.CommitResponse(saltOf(1), numbered("response", n)))
	}
	bulk.Owners = append(bulk.Owners, receipt.CommitOwner(saltOf(1), anotherOwner))
	bulk.NotCovered = []receipt.Gap{receipt.GapPages, receipt.GapWAL, receipt.GapBackups}
	retention := single(3)
	retention.Trigger, retention.Actor, retention.Ground = receipt.TriggerRetention, receipt.ActorSystem, receipt.GroundRetention
	retention.Rule = &receipt.Rule{ID: numbered("rule", 1), Version: 2}
	sweep := single(4)
	sweep.Trigger, sweep.Actor, sweep.Counts = receipt.TriggerSweep, receipt.ActorSystem, receipt.Counts{RawResponses: 1}
	all := []receipt.Receipt{
		single(0), bulk, later(0, receipt.LevelReplicated, receipt.VerifiedOnStandbys, receipt.GapPages, receipt.GapWAL, receipt.GapBackups),
		retention, sweep,
		later(0, receipt.LevelVacuumed, receipt.VerifiedByCutoff, receipt.GapPages, receipt.GapWAL, receipt.GapBackups),
		later(0, receipt.LevelRewritten, receipt.VerifiedByRewrite, receipt.GapWAL, receipt.GapBackups),
		later(0, receipt.LevelExpired, receipt.VerifiedByOperator),
	}
	for _, also := range [][]int{{1008}, nil} { // two receipts of one erasure
		all = append(all, derived(len(all), also...))
	}
	several, nothing, orphans := single(10), single(11), single(12)
	several.Counts = receipt.Counts{Requests: 1, Templates: 1, Files: 1, KeptTemplates: 2, Retained: 3}
	several.Parts = parts(5)
	nothing.Trigger, nothing.Counts, nothing.Responses = receipt.TriggerBulk, receipt.Counts{}, nil
	orphans.Trigger, orphans.Actor, orphans.Ground = receipt.TriggerOrphans, receipt.ActorSystem, receipt.GroundUnspecified
	orphans.Counts = receipt.Counts{RawRequests: 1, RawResponses: 1}
	orphans.NotCovered = append(orphans.NotCovered, receipt.GapLaterTurns, receipt.GapImageStore, receipt.GapPromptCache)
	all = append(all, several, nothing, orphans)
	for n := len(all); n < 300; n++ {
		all = append(all, single(n))
	}
	return all
}

// badReceipts are leaves that no program should make, each in its own log, which
// has signed it anyway.
func (m *vectorMaker) badReceipts(key receipt.Signer) {
	m.Helper()
	good, level := encode(m, single(0)), encode(m, later(0, receipt.LevelVacuumed, receipt.VerifiedByCutoff, receipt.GapPages))
	both := single(0)
	both.Counts.Requests = 2
	both.Responses = append(both.Responses, receipt.CommitResponse(saltOf(0), numbered("response", 5)))
	a, _ := slices.MinFunc(both.Responses, func(a, b receipt.Commitment) int { return bytes.Compare(a[:], b[:]) }).MarshalText()
	b, _ := slices.MaxFunc(both.Responses, func(a, b receipt.Commitment) int { return bytes.Compare(a[:], b[:]) }).MarshalText()
	ordered := encode(m, both)
	pair, named := parts(2), single(0)
	named.Parts = pair
	var tooMany []string
	for _, part := range parts(receipt.MaxParts + 1) {
		tooMany = append(tooMany, part.String())
	}
	const spelling = "the receipt is not in its canonical form from byte %d on"
	for _, c := range []struct {
		name     string
		of       []byte
		old, new string
		reason   string
	}{
		{"white-space", good, `,"log"`, `, "log"`, spelling},
		{"unknown-field", good, `"log":`, `"ticket":"T-1","log":`, spelling},
		{"repeated-field", good, `"log":`, `"log":"lethe.example/log","log":`, spelling},
		{"field-order", good, `"tool":"lethe","build":"v1.0.0"`, `"build":"v1.0.0","tool":"lethe"`, spelling},
		{"escape", good, `"single"`, `"\u0073ingle"`, spelling},
		{"null", good, `"trigger"`, `"about":null,"trigger"`, spelling},
		{"id-capitals", good, `"id":"` + single(0).ID.String(), `"id":"` + strings.ToUpper(single(0).ID.String()), spelling},
		{"commitment-bits", good, `"responses":["` + string(responseText(0)), `"responses":["` + string(responseText(0)[:42]) + nextInAlphabet(responseText(0)[42]) + "=", spelling},
		{"commitments-unordered", ordered, `["` + string(a) + `","` + string(b) + `"]`, `["` + string(b) + `","` + string(a) + `"]`, spelling},
		{"commitment-repeated", ordered, string(b), string(a), "the receipt holds the same commitment twice"},
		{"too-few-commitments", good, `"requests":1`, `"requests":2`, "the receipt commits to fewer responses than were erased"},
		{"time-zone", good, "131346Z", "131346+00:00", "the receipt is no JSON with the fields of a receipt"},
		{"milliseconds", good, "131346Z", "131Z", "the receipt is no JSON with the fields of a receipt"},
		{"date", good, "2026-11-20T10:00:00.131346Z", "2026-11-31T10:00:00.131346Z", "the receipt is no JSON with the fields of a receipt"},
		{"hour", good, "T10:00:00.131346Z", "T24:00:00.131346Z", "the receipt is no JSON with the fields of a receipt"},
		{"negative-count", good, `"tasks":0`, `"tasks":-1`, "a count of the receipt is negative or too large"},
		{"huge-count", good, `"tasks":0`, `"tasks":9007199254740992`, "a count of the receipt is negative or too large"},
		{"old", good, `"requested_at":"2026`, `"requested_at":"1969`, "the receipt does not say when the erasure was requested"},
		{"fraction", good, `"tasks":0`, `"tasks":0.0`, "the receipt is no JSON with the fields of a receipt"},
		{"trigger", good, `"single"`, `"cron"`, "the receipt's trigger is unknown"},
		{"ground", good, `"request"`, `"Ada asked"`, "the receipt's ground is unknown"},
		{"actor", good, `"owner"`, `"ada@example.com"`, "the receipt's actor is unknown"},
		{"retention-without-rule", good, `"single"`, `"retention"`, "a receipt names a rule when retention triggered the erasure, and only then"},
		{"rule-without-retention", good, `"ground"`, `"rule":{"id":"` + numbered("rule", 1).String() + `","version":1},"ground"`,
			"a receipt names a rule when retention triggered the erasure, and only then"},
		{"gaps-unordered", good, `"pages","wal"`, `"wal","pages"`, spelling},
		{"verified", good, `"read back in the same transaction"`, `"stated by an operator"`,
			"the receipt says of its level that it was verified in a way that is none for it"},
		{"level-verified", level, `"the removable cutoff is past the transaction"`, `"stated by an operator"`,
			"the receipt says of its level that it was verified in a way that is none for it"},
		{"level", level, `"vacuumed"`, `"shredded"`, "the receipt is of an unknown level"},
		{"version", good, version1, "lethe-receipt/2", "the receipt is not of the version lethe-receipt/1"},
		{"count-missing", good, `,"retained":0`, ``, spelling},
		{"huge-kept", good, `"kept_templates":0`, `"kept_templates":9007199254740992`, "a count of the receipt is negative or too large"},
		{"parts-empty", good, `"verified"`, `"parts":[],"verified"`, spelling},
		{"parts-unordered", encode(m, named), `["` + pair[0].String() + `","` + pair[1].String() + `"]`, `["` + pair[1].String() + `","` + pair[0].String() + `"]`, spelling},
		{"part-repeated", good, `"verified"`, `"parts":["` + pair[0].String() + `","` + pair[0].String() + `"],"verified"`, "the receipt names the same part twice"},
		{"part-of-itself", good, `"verified"`, `"parts":["` + single(0).ID.String() + `"],"verified"`, "a part that the receipt names has no id of another receipt"},
		{"part-not-random", good, `"verified"`, `"parts":["` + uuid.Max.String() + `"],"verified"`, "a part that the receipt names has no id of another receipt"},
		{"parts-too-many", good, `"verified"`, `"parts":["` + strings.Join(tooMany, `","`) + `"],"verified"`, "the receipt names more than 200 parts"},
		{"parts-place", good, `"owners"`, `"parts":["` + pair[0].String() + `"],"owners"`, spelling},
		{"level-with-parts", level, `"verified"`, `"parts":["` + pair[0].String() + `"],"verified"`, "the receipt of a later level says what only an erasure's says"},
		{"level-with-counts", level, `"verified"`, `"responses":[],"verified"`, spelling},
		{"level-of-itself", level, `"about":"` + numbered("receipt", 0).String(), `"about":"` + later(0, receipt.LevelVacuumed, "").ID.String(),
			"the receipt of a later level does not name the erasure's"},
	} {
		if !bytes.Contains(c.of, []byte(c.old)) {
			m.Fatalf("%s: the receipt does not contain %s", c.name, c.old)
		}
		leaf := bytes.Replace(c.of, []byte(c.old), []byte(c.new), 1)
		if c.reason == spelling {
			at := 0
			for leaf[at] == c.of[at] {
				at++
			}
			c.reason = fmt.Sprintf(spelling, at)
		}
		m.addLeaf("bad-receipt-"+c.name, leaf, key, receipt.BadReceipt, c.reason)
	}
	elsewhere := single(0)
	elsewhere.Log = "other.example/log"
	m.addLeaf("bad-other-log", encode(m, elsewhere), key, receipt.OtherLog,
		"the receipt is of the log other.example/log, its checkpoint of the log lethe.example/log")
}

func responseText(n int) []byte {
	text, _ := single(n).Responses[0].MarshalText()
	return text
}

// version1 is spelled out, because the test checks that it never changes.
const version1 = "lethe-receipt/1"

func (m *vectorMaker) addLeaf(name string, leaf []byte, key receipt.Signer, kind receipt.Kind, reason string) {
	m.Helper()
	log := &testLog{}
	log.add(m, leaf)
	m.add(name, log.file(m, 0, 1, log.sign(m, 1, key)), vector{Keys: []string{"log"}, Kind: string(kind), Reason: reason})
}
