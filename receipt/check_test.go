package receipt_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/mod/sumdb/tlog"

	"lethe/receipt"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	s := newSmall(t)
	r, err := receipt.Check(s.file, s.keys, receipt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Index != 2 || r.Checkpoint != s.log.checkpoint(t, 9) || r.Receipt.ID != single(2).ID || len(r.Signatures) != 2 {
		t.Errorf("got the result %+v", r)
	}
	wantSentences(t, r.Proven,
		"This receipt is leaf 2 of the log lethe.example/log of size 9, whose checkpoint is signed with the log's key "+s.keys[0].ID()+".",
		"The witness "+s.keys[1].ID()+" saw this checkpoint on 20 November 2026, 10:01:00 UTC and found that it goes on from all it had seen of the log before.",
		"It says that on 20 November 2026, 10:00:02 UTC the erasure of one response, asked for on 20 November 2026, 10:00:02 UTC by the owner (ground: it was requested), removed 1 request, 1 step, 1 template and 1 raw copy of a request (verified: read back in the same transaction; lethe v1.0.0).")
	wantSentences(t, r.NotProven,
		"that what the receipt says is true: it is the word of who runs the log, who can be held to it",
		"which responses were erased (give the salt and a response)",
		"whose responses were erased (give the salt and an owner)",
		"that the log was never rewritten (give an older checkpoint)",
		"that no bytes remain in pages of the database's files (the receipt does not cover pages)",
		"that no bytes remain in the write-ahead log (the receipt does not cover wal)",
		"that no backup holds it (the receipt does not cover backups)",
		"that no replica holds it (the receipt does not cover replicas)",
		"that no raw copy came after the erasure (the receipt does not cover late_copies)",
		"that there is no raw copy that nothing points to (the receipt does not cover unlocated_copies)")
}

func wantSentences(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("want\n%s\n\ngot\n%s", strings.Join(want, "\n"), strings.Join(got, "\n"))
	}
}

// TestCheckProvenAndNotProven checks the sentences for every option and every kind of
// receipt.
func TestCheckProvenAndNotProven(t *testing.T) {
	t.Parallel()
	s := newSmall(t)
	salt, response, owner := saltOf(2), numbered("response", 2), owner
	r, err := receipt.Check(s.file, s.keys, receipt.Options{
		Older: s.log.sign(t, 5, s.key), Tiles: s.log.tiles(t, 9), Salt: &salt, Response: &response, Owner: &owner,
	})
	if err != nil {
		t.Fatal(err)
	}
	wantSentences(t, r.Proven[3:],
		"The log was not rewritten between its checkpoints of size 5 and 9: the larger begins with all leaves of the smaller.",
		"The salt fits: the response "+response.String()+" is among the 1 that it says were erased.",
		"The salt fits: the owner given is among the 1 whose responses it says were erased.")
	for _, clause := range r.NotProven[1:] {
		if !strings.Contains(clause, "does not cover") {
			t.Errorf("listed as not proven: %s", clause)
		}
	}

	retention := single(20)
	retention.Trigger, retention.Actor, retention.Ground = receipt.TriggerRetention, receipt.ActorSystem, receipt.GroundRetention
	retention.Rule = &receipt.Rule{ID: numbered("rule", 1), Version: 3}
	retention.Counts = receipt.Counts{Requests: 1, Steps: 2, Templates: 3, RawRequests: 4, RawResponses: 5, Tasks: 6, Files: 7, KeptTemplates: 8, Retained: 9}
	retention.NotCovered = nil
	nothing := single(21)
	nothing.Trigger, nothing.Counts = receipt.TriggerSweep, receipt.Counts{RawResponses: 1}
	empty := single(22)
	empty.Trigger, empty.Counts, empty.Responses = receipt.TriggerReplay, receipt.Counts{}, nil
	kept := single(23)
	kept.Counts = receipt.Counts{Requests: 1, Files: 1, KeptTemplates: 1, Retained: 1}
	orphans := single(24)
	orphans.Trigger, orphans.Actor, orphans.Ground = receipt.TriggerOrphans, receipt.ActorSystem, receipt.GroundUnspecified
	orphans.Counts = receipt.Counts{RawRequests: 1, RawResponses: 1}
	orphans.NotCovered = append(orphans.NotCovered, receipt.GapLaterTurns, receipt.GapImageStore, receipt.GapPromptCache)
	several, two := single(25), single(26)
	several.Parts, two.Parts = parts(2), parts(1)
	for name, c := range map[string]struct {
		receipt.Receipt
		says, notProven string
	}{
		"retention": {retention, "an erasure by a retention rule (" + retention.Rule.ID.String() + ", version 3), asked for on 20 November 2026, 10:00:20 UTC by the service itself (ground: their time was over), " +
			"removed 1 request, 2 steps, 3 templates, 4 raw copies of requests, 5 raw copies of responses, 6 tasks, 7 files that were made for one request each and 9 objects of retained responses, " +
			"and left 8 templates that somebody else's rows need (verified", "no witness has signed"},
		"kept": {kept, "removed 1 request, 1 file that was made for one request and 1 object of a retained response, and left 1 template that somebody else's row needs (verified", "no witness has signed"},
		"orphans": {orphans, "a sweep for copies whose request is gone, asked for on 20 November 2026, 10:00:24 UTC by the service itself (ground: unspecified), removed 1 raw copy of a request and 1 raw copy of a response (verified",
			"that no prompt of a later turn quotes it (the receipt does not cover later_turns)\nthat no image of it remains in the gateway's image store (the receipt does not cover image_store)\n" +
				"that no fingerprint of a prompt's beginning remains in the gateway's prompt cache (the receipt does not cover prompt_cache)"},
		"first of three": {several, "removed 1 request", "what else this erasure removed: that is said by 2 other receipts, with a file for each: " + several.Parts[0].String() + " and " + several.Parts[1].String()},
		"first of two":   {two, "removed 1 request", "what else this erasure removed: that is said by 1 other receipt, with a file for each: " + two.Parts[0].String()},
		"sweep":          {nothing, "a sweep for copies that came late, asked for on 20 November 2026, 10:00:21 UTC by the owner (ground: it was requested), removed 1 raw copy of a response (", "no witness has signed"},
		"replay":         {empty, "an erasure that was applied again after a restore, asked for on 20 November 2026, 10:00:22 UTC by the owner (ground: it was requested), found nothing that was there to erase (", "no witness has signed"},
		"later": {later(20, receipt.LevelRewritten, receipt.VerifiedByDrop, receipt.GapWAL),
			"It says that the erasure of the receipt " + retention.ID.String() + " had come to the level rewritten by 20 November 2026, 11:00:00 UTC: no file of the tables holds it any more (verified: the partition was dropped after the transaction; lethe v1.0.0).",
			"what was erased: that is said by the receipt " + retention.ID.String() + ", which has a file of its own"},
	} {
		log := &testLog{}
		log.add(t, encode(t, c.Receipt))
		r, err := receipt.Check(log.file(t, 0, 1, log.sign(t, 1, s.key)), s.keys, receipt.Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if said := r.Proven[len(r.Proven)-1]; !strings.Contains(said, c.says) {
			t.Errorf("%s: got the sentence %s", name, said)
		}
		if all := strings.Join(r.NotProven, "\n"); !strings.Contains(all, c.notProven) {
			t.Errorf("%s: want more not proven, got only\n%s", name, all)
		}
	}
}

// TestCheckEmptyErasure: the result for an erasure that found nothing, without and with
// the salt and its owner.
func TestCheckEmptyErasure(t *testing.T) {
	t.Parallel()
	s := newSmall(t)
	nothing := single(3)
	nothing.Trigger, nothing.Counts, nothing.Responses = receipt.TriggerBulk, receipt.Counts{}, nil
	log := &testLog{}
	log.add(t, encode(t, nothing))
	file := log.file(t, 0, 1, log.sign(t, 1, s.key))
	r, err := receipt.Check(file, s.keys, receipt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(r.NotProven, "\n")
	if !strings.Contains(all, "whose responses were looked for (give the salt and an owner)") || strings.Contains(all, "were erased") {
		t.Errorf("not proven: got\n%s", all)
	}
	salt, owner, stranger, response := saltOf(3), owner, anotherOwner, numbered("response", 3)
	r, err = receipt.Check(file, s.keys, receipt.Options{Salt: &salt, Owner: &owner})
	if err != nil {
		t.Fatal(err)
	}
	wantSentences(t, r.Proven[2:], "The salt fits: it is of the owner given that it says there was nothing to erase.")
	if all := strings.Join(r.NotProven, "\n"); strings.Contains(all, "whose responses") {
		t.Errorf("with salt and owner, not proven: got\n%s", all)
	}
	_, err = receipt.Check(file, s.keys, receipt.Options{Salt: &salt, Owner: &stranger})
	wantKind(t, err, receipt.WrongCommitment)
	_, err = receipt.Check(file, s.keys, receipt.Options{Salt: &salt, Response: &response})
	wantKind(t, err, receipt.WrongCommitment)

	nothing.Owners = nil
	log = &testLog{}
	log.add(t, encode(t, nothing))
	_, err = receipt.Check(log.file(t, 0, 1, log.sign(t, 1, s.key)), s.keys, receipt.Options{Salt: &salt, Owner: &owner})
	wantKind(t, err, receipt.WrongCommitment)
	if !strings.HasSuffix(err.Error(), "of no owner that responses were erased: check it without one") {
		t.Errorf("got %v, want an error about the owner", err)
	}
}

// TestCheckParts: a receipt does not prove what is in another receipt of the erasure,
// but says where to look.
func TestCheckParts(t *testing.T) {
	t.Parallel()
	s := newSmall(t)
	salt, response, stranger := saltOf(3), numbered("response", 4), anotherOwner
	for n, want := range map[int]string{
		0: "another's",
		1: "another's; this receipt is one of 2 parts of its erasure: fetch and verify the other one, too: A",
		3: "another's; this receipt is one of 4 parts of its erasure: fetch and verify the others, too: A, B and C",
		4: "another's; this receipt is one of 5 parts of its erasure: fetch and verify the others, too: A, B, C and 1 more",
	} {
		several := single(9)
		several.Parts = parts(n)
		for i, id := range several.Parts[:min(n, 3)] {
			want = strings.Replace(want, " "+"ABC"[i:i+1], " "+id.String(), 1)
		}
		log := &testLog{}
		log.add(t, encode(t, several))
		file := log.file(t, 0, 1, log.sign(t, 1, s.key))
		for _, o := range []receipt.Options{{Salt: &salt, Response: &response}, {Salt: &salt, Owner: &stranger}} {
			_, err := receipt.Check(file, s.keys, o)
			wantKind(t, err, receipt.WrongCommitment)
			if !strings.HasSuffix(err.Error(), want) {
				t.Errorf("%d: want %s, got %v", n, want, err)
			}
		}
	}
}

// TestCheckRotation: a checkpoint signed with two keys needs both; an older one,
// signed with the first, needs no other.
func TestCheckRotation(t *testing.T) {
	t.Parallel()
	s := newSmall(t)
	newer := signer(t, origin, "newer")
	file := s.log.file(t, 4, 9, s.log.sign(t, 9, newer, s.key))
	_, err := receipt.Check(file, []receipt.PublicKey{newer.PublicKey()}, receipt.Options{})
	wantKind(t, err, receipt.UnknownKey)
	both := []receipt.PublicKey{newer.PublicKey(), s.key.PublicKey()}
	r, err := receipt.Check(file, both, receipt.Options{Older: s.log.sign(t, 3, s.key), Tiles: s.log.tiles(t, 9)})
	if err != nil || !strings.Contains(r.Proven[0], " and "+origin) {
		t.Errorf("got proven %v (error %v)", r.Proven, err)
	}
}

func TestCheckErrors(t *testing.T) {
	t.Parallel()
	s := newSmall(t)
	p := s.log.proof(t, 2, 9, s.signed)
	changed := func(change func(*receipt.Proof)) []byte {
		p := p
		p.Hashes = slices.Clone(p.Hashes)
		change(&p)
		return format(t, p)
	}
	// A log that signs anything.
	forged := func(leaf []byte) []byte {
		log := &testLog{}
		log.add(t, leaf)
		return log.file(t, 0, 1, log.sign(t, 1, s.key))
	}
	elsewhere := single(2)
	elsewhere.Log = "other.example/log"
	for name, c := range map[string]struct {
		file []byte
		keys []receipt.PublicKey
		kind receipt.Kind
	}{
		"no keys":              {s.file, nil, receipt.UnknownKey},
		"no key of the log":    {s.file, s.keys[1:], receipt.UnknownKey},
		"no key of a witness":  {s.file, s.keys[:1], receipt.UnknownKey},
		"another log's key":    {s.file, []receipt.PublicKey{signer(t, "other.example/log", "log").PublicKey(), s.keys[1]}, receipt.UnknownKey},
		"another receipt":      {changed(func(p *receipt.Proof) { p.Receipt = s.log.leaves[3] }), s.keys, receipt.NotIncluded},
		"another index":        {changed(func(p *receipt.Proof) { p.Index = 3 }), s.keys, receipt.NotIncluded},
		"an index beyond":      {changed(func(p *receipt.Proof) { p.Index = 9 }), s.keys, receipt.NotIncluded},
		"a hash less":          {changed(func(p *receipt.Proof) { p.Hashes = p.Hashes[1:] }), s.keys, receipt.NotIncluded},
		"a hash more":          {changed(func(p *receipt.Proof) { p.Hashes = append(p.Hashes, tlog.Hash{}) }), s.keys, receipt.NotIncluded},
		"hashes swapped":       {changed(func(p *receipt.Proof) { p.Hashes[0], p.Hashes[1] = p.Hashes[1], p.Hashes[0] }), s.keys, receipt.NotIncluded},
		"another checkpoint":   {changed(func(p *receipt.Proof) { p.Checkpoint = s.log.sign(t, 8, s.key) }), s.keys, receipt.NotIncluded},
		"a node as a leaf":     {changed(func(p *receipt.Proof) { p.Receipt = append(p.Hashes[0][:], p.Hashes[1][:]...) }), s.keys, receipt.NotIncluded},
		"no receipt in it":     {forged([]byte("anything")), s.keys, receipt.BadReceipt},
		"a receipt respelled":  {forged(append(encode(t, single(2)), '\n')), s.keys, receipt.BadReceipt},
		"another log's":        {forged(encode(t, elsewhere)), s.keys, receipt.OtherLog},
		"a tree of no leaves":  {format(t, receipt.Proof{Receipt: encode(t, single(2)), Checkpoint: (&testLog{}).sign(t, 0, s.key)}), s.keys, receipt.NotIncluded},
		"a tree without bound": {format(t, receipt.Proof{Receipt: encode(t, single(2)), Checkpoint: sign(t, receipt.Checkpoint{Origin: origin, Size: 1<<53 - 1}, s.key)}), s.keys, receipt.NotIncluded},
	} {
		r, err := receipt.Check(c.file, c.keys, receipt.Options{})
		if err == nil {
			t.Errorf("%s: got no error", name)
			continue
		}
		if e, ok := err.(*receipt.Error); !ok || e.Kind != c.kind || r.Proven != nil || r.Receipt.Log != "" {
			t.Errorf("%s: want %s, got %#v and %v", name, c.kind, err, r)
		}
	}
}

func TestCheckCommitments(t *testing.T) {
	t.Parallel()
	s := newSmall(t)
	log := &testLog{}
	log.add(t, encode(t, later(2, receipt.LevelVacuumed, receipt.VerifiedByCutoff)))
	laterFile := log.file(t, 0, 1, log.sign(t, 1, s.key))
	right, wrong := saltOf(2), saltOf(3)
	response, another := numbered("response", 2), numbered("response", 3)
	owner, somebody := owner, "somebody"
	for name, c := range map[string]struct {
		file []byte
		o    receipt.Options
		kind receipt.Kind
	}{
		"no salt":                 {s.file, receipt.Options{Response: &response}, receipt.BadKey},
		"another salt":            {s.file, receipt.Options{Salt: &wrong, Response: &response}, receipt.WrongCommitment},
		"another response":        {s.file, receipt.Options{Salt: &right, Response: &another}, receipt.WrongCommitment},
		"another salt, owner":     {s.file, receipt.Options{Salt: &wrong, Owner: &owner}, receipt.WrongCommitment},
		"another owner":           {s.file, receipt.Options{Salt: &right, Owner: &somebody}, receipt.WrongCommitment},
		"one right and one wrong": {s.file, receipt.Options{Salt: &right, Response: &response, Owner: &somebody}, receipt.WrongCommitment},
		"a later level":           {laterFile, receipt.Options{Salt: &right, Response: &response}, receipt.WrongCommitment},
	} {
		r, err := receipt.Check(c.file, s.keys, c.o)
		if e, ok := err.(*receipt.Error); !ok || e.Kind != c.kind || r.Proven != nil {
			t.Errorf("%s: want %s, got %#v", name, c.kind, err)
		}
	}
}

// TestCheckHistory uses checkpoints of up to 1,000 leaves and several kinds of
// mirrors.
func TestCheckHistory(t *testing.T) {
	t.Parallel()
	s := newSmall(t)
	log, fork := &testLog{}, &testLog{}
	for n := range 1000 {
		leaf := fmt.Appendf(nil, "leaf %d", n)
		if n == 700 {
			leaf = encode(t, single(1))
		}
		log.add(t, leaf)
		if n == 100 {
			leaf = []byte("another")
		}
		fork.add(t, leaf)
	}
	file := log.file(t, 700, 800, log.sign(t, 800, s.key))
	other := sign(t, receipt.Checkpoint{Origin: "other.example/log", Size: 500}, signer(t, "other.example/log", "log"))
	keys := append(s.keys, signer(t, "other.example/log", "log").PublicKey())
	mirror := log.tiles(t, 800)
	without := func(path string) fstest.MapFS {
		if mirror[path] == nil {
			t.Fatalf("%s is not in the mirror", path)
		}
		files := fstest.MapFS{}
		for p, f := range mirror {
			if p != path {
				files[p] = f
			}
		}
		return files
	}
	with := func(path string, data []byte) fstest.MapFS {
		files := without(path)
		files[path] = &fstest.MapFile{Data: data}
		return files
	}
	cluttered := log.tiles(t, 1000)
	for _, path := range []string{"tile/0/003.p/999", "tile/0/003.p/1", "tile/0/003.p/notes", "checkpoint"} {
		cluttered[path] = &fstest.MapFile{Data: []byte("anything")}
	}
	bent := bytes.Clone(mirror["tile/0/001"].Data)
	bent[99]++
	for name, c := range map[string]struct {
		older []byte
		tiles fstest.MapFS
		kind  receipt.Kind
	}{
		"an older one":                {log.sign(t, 300, s.key), mirror, ""},
		"the first leaf":              {log.sign(t, 1, s.key), mirror, ""},
		"before the first leaf":       {log.sign(t, 0, s.key), nil, ""},
		"a full tile":                 {log.sign(t, 256, s.key), mirror, ""},
		"the same":                    {log.sign(t, 800, s.key), nil, ""},
		"a newer one":                 {log.sign(t, 1000, s.key), log.tiles(t, 1000), ""},
		"a mirror that is ahead":      {log.sign(t, 300, s.key), log.tiles(t, 1000), ""},
		"a mirror with more in it":    {log.sign(t, 300, s.key), cluttered, ""},
		"forked before":               {fork.sign(t, 300, s.key), mirror, receipt.Rewritten},
		"forked, same size":           {fork.sign(t, 800, s.key), nil, receipt.Rewritten},
		"forked after":                {fork.sign(t, 1000, s.key), fork.tiles(t, 1000), receipt.Rewritten},
		"the fork's tiles":            {log.sign(t, 300, s.key), fork.tiles(t, 800), receipt.BadTiles},
		"no tiles":                    {log.sign(t, 300, s.key), fstest.MapFS{}, receipt.BadTiles},
		"tiles of less":               {log.sign(t, 300, s.key), log.tiles(t, 790), receipt.BadTiles},
		"a tile is missing":           {log.sign(t, 300, s.key), without("tile/0/001"), receipt.BadTiles},
		"a tile is short":             {log.sign(t, 300, s.key), with("tile/0/001", bent[:8191]), receipt.BadTiles},
		"a tile is long":              {log.sign(t, 300, s.key), with("tile/0/001", append(bent, 0)), receipt.BadTiles},
		"a tile is damaged":           {log.sign(t, 300, s.key), with("tile/0/001", bent), receipt.BadTiles},
		"another log's":               {other, mirror, receipt.OtherLog},
		"not signed":                  {[]byte("anything"), mirror, receipt.BadCheckpoint},
		"signed by somebody":          {log.sign(t, 300, signer(t, origin, "stranger")), mirror, receipt.UnknownKey},
		"nothing to prove it with":    {log.sign(t, 300, s.key), nil, receipt.BadTiles},
		"an empty checkpoint, though": {[]byte{}, mirror, receipt.BadCheckpoint},
	} {
		o := receipt.Options{Older: c.older}
		if c.tiles != nil {
			o.Tiles = c.tiles
		}
		r, err := receipt.Check(file, keys, o)
		if c.kind == "" {
			if err != nil || !strings.Contains(strings.Join(r.Proven, "\n"), "was not rewritten between") {
				t.Errorf("%s: got proven %v (error %v)", name, r.Proven, err)
			}
		} else if e, ok := err.(*receipt.Error); !ok || e.Kind != c.kind {
			t.Errorf("%s: want %s, got %#v", name, c.kind, err)
		}
	}
}

// others returns the values that a byte is changed to: each bit flipped, its
// neighbors, and values that parsers treat specially.
func others(was byte) []byte {
	values := []byte{was + 1, was - 1, 0, '\n', '\r', ' ', '=', '+', '-', '/', '0', 'A', 'a', 0xff}
	for bit := range 8 {
		values = append(values, was^1<<bit)
	}
	slices.Sort(values)
	return slices.DeleteFunc(slices.Compact(values), func(v byte) bool { return v == was })
}

// TestEveryByteIsChecked: a proof file with any byte changed, added or removed proves
// nothing, whatever its receipt.
func TestEveryByteIsChecked(t *testing.T) {
	t.Parallel()
	s := newSmall(t)
	bulk, retention := single(20), single(21)
	bulk.Trigger, bulk.Actor, bulk.Counts.Requests = receipt.TriggerBulk, receipt.ActorAdministrator, 3
	bulk.Responses, bulk.Owners = nil, nil
	for n := range int(bulk.Counts.Requests) {
		salt := receipt.DeriveSalt(saltOf(20), bulk.ID)
		bulk.Responses = append(bulk.Responses, receipt.CommitResponse(salt, numbered("response", n)))
		bulk.Owners = append(bulk.Owners, receipt.CommitOwner(salt, numbered("owner", n).String()))
	}
	retention.Trigger, retention.Actor, retention.Ground = receipt.TriggerRetention, receipt.ActorSystem, receipt.GroundRetention
	retention.Rule = &receipt.Rule{ID: numbered("rule", 1), Version: 3}
	several, nothing := single(22), single(23)
	several.Counts.Files, several.Counts.KeptTemplates, several.Parts = 1, 1, parts(3)
	nothing.Trigger, nothing.Counts, nothing.Responses = receipt.TriggerBulk, receipt.Counts{}, nil
	s.log.add(t, encode(t, bulk), encode(t, retention), encode(t, several), encode(t, nothing))
	signed := s.log.sign(t, 13, s.key)
	for name, file := range map[string][]byte{
		"single": s.file, "bulk": s.log.file(t, 9, 13, signed), "retention": s.log.file(t, 10, 13, signed),
		"several": s.log.file(t, 11, 13, signed), "nothing": s.log.file(t, 12, 13, signed),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			everyByteCounts(t, file, s.keys)
		})
	}
}

func everyByteCounts(t *testing.T, file []byte, keys []receipt.PublicKey) {
	t.Helper()
	proves := func(file ...[]byte) bool {
		r, err := receipt.Check(slices.Concat(file...), keys, receipt.Options{})
		return err == nil || r.Proven != nil
	}
	if !proves(file) {
		t.Fatal("the unchanged file is refused")
	}
	checks := 0
	for at, was := range file {
		before, after := file[:at], file[at+1:]
		for _, value := range others(was) {
			if checks++; proves(before, []byte{value}, after) {
				t.Errorf("byte %d changed from %#02x to %#02x: got no error", at, was, value)
			}
		}
		if proves(before, after) {
			t.Errorf("byte %d removed: got no error", at)
		}
		if proves(before, []byte("\n"), file[at:]) {
			t.Errorf("newline inserted at %d: got no error", at)
		}
	}
	if least := 16 * len(file); checks < least {
		t.Errorf("only %d checks of %d bytes", checks, len(file))
	}
	for value := range 256 {
		if proves(file, []byte{byte(value)}) || proves([]byte{byte(value)}, file) {
			t.Errorf("%#02x added at an end: got no error", value)
		}
	}
}

// TestTruncatedProof: no truncated file is accepted, except one that lacks
// only the lines of witnesses, which are added to a checkpoint one by one. It
// proves less.
func TestTruncatedProof(t *testing.T) {
	t.Parallel()
	s := newSmall(t)
	whole, err := receipt.Check(s.file, s.keys, receipt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	alone := s.log.file(t, 2, 9, s.log.sign(t, 9, s.key))
	if !bytes.HasPrefix(s.file, alone) {
		t.Fatal("the witness's line is not the last line")
	}
	for size := range s.file {
		r, err := receipt.Check(s.file[:size], s.keys, receipt.Options{})
		switch {
		case size != len(alone) && err == nil:
			t.Errorf("first %d bytes of %d: got no error", size, len(s.file))
		case size == len(alone) && (err != nil || len(r.Proven) != len(whole.Proven)-1 || len(r.NotProven) != len(whole.NotProven)+1):
			t.Errorf("without the witness: got proven %v (error %v)", r.Proven, err)
		}
	}
}

// TestEveryByteOfReceiptIsChecked does the same for the bytes within the base64,
// with a log that has signed the changed receipt.
func TestEveryByteOfReceiptIsChecked(t *testing.T) {
	t.Parallel()
	s := newSmall(t)
	data := encode(t, single(2))
	accepted := 0
	for at := range data {
		for _, value := range []byte{0, '\n', ' ', '"', ',', '0', 'Z', data[at] ^ 1, data[at] ^ 0x20, data[at] ^ 0x80} {
			if value == data[at] {
				continue
			}
			changed := bytes.Clone(data)
			changed[at] = value
			r, err := receipt.Parse(changed)
			if err != nil {
				continue
			}
			// It must be another receipt in canonical form; nothing else is
			// accepted.
			accepted++
			if again := encode(t, r); !bytes.Equal(again, changed) {
				t.Errorf("byte %d: accepted\n%s\nwhose canonical form is\n%s", at, changed, again)
			}
			p := s.log.proof(t, 2, 9, s.signed)
			p.Receipt = changed
			_, err = receipt.Check(format(t, p), s.keys, receipt.Options{})
			if e, ok := err.(*receipt.Error); !ok || e.Kind != receipt.NotIncluded && e.Kind != receipt.OtherLog {
				t.Errorf("byte %d: got %#v", at, err)
			}
		}
	}
	if accepted == 0 {
		t.Error("no change gave another receipt, but a digit of a time does")
	}
}

func FuzzCheck(f *testing.F) {
	s := newSmall(f)
	f.Add(s.file, []byte(nil))
	f.Add(s.file, s.log.sign(f, 5, s.key))
	f.Add(s.log.file(f, 0, 1, s.log.sign(f, 1, s.key)), s.signed)
	f.Add([]byte(strings.Replace(string(s.file), "index 2", "index 3", 1)), s.signed)
	tiles := s.log.tiles(f, 9)
	f.Fuzz(func(t *testing.T, file, older []byte) {
		if len(older) == 0 {
			older = nil
		}
		r, err := receipt.Check(file, s.keys, receipt.Options{Older: older, Tiles: tiles})
		if err != nil {
			if e, ok := err.(*receipt.Error); !ok || e.Reason == "" || len(r.Proven) > 0 {
				t.Errorf("got %#v, want an *Error", err)
			}
			return
		}
		// No signature is forged here: what is proven is in the log.
		if !bytes.Equal(encode(t, r.Receipt), s.log.leaves[r.Index]) {
			t.Errorf("accepted a receipt that is not in the log: %s", file)
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	s := newSmall(b)
	log := &testLog{}
	leaf := encode(b, single(1))
	for range 100_000 {
		log.add(b, leaf)
	}
	large := log.file(b, 4321, 100_000, log.sign(b, 100_000, s.key))
	older := log.sign(b, 50_000, s.key)
	tiles := log.tiles(b, 100_000)
	for _, c := range []struct {
		name string
		file []byte
		o    receipt.Options
	}{
		{"9", s.file, receipt.Options{}},
		{"100000", large, receipt.Options{}},
		{"100000-older", large, receipt.Options{Older: older, Tiles: tiles}},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := receipt.Check(c.file, s.keys, c.o); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestExtraData: the extra data, in C2SP's terms, is the leaf itself.
func TestExtraData(t *testing.T) {
	t.Parallel()
	s := newSmall(t)
	line := strings.Split(string(s.file), "\n")[1]
	data, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(line, "extra "))
	if err != nil || !bytes.Equal(data, s.log.leaves[2]) {
		t.Errorf("got %s (error %v)", data, err)
	}
}
