package ops

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"lethe/app/boot"
	"lethe/app/config"
	"lethe/domain"
	"lethe/receipt"
)

// VerifyOptions are the options of `lethe verify`; all but File and Keys may be
// empty.
type VerifyOptions struct {
	File     string
	Keys     []string // each a public key, or a file of them
	Older    string   // file of another signed checkpoint
	Tiles    string   // folder with a mirror of the log
	Salt     string
	Response string
	Owner    string
}

// Verify checks a proof file and prints what it proves and what it does not. It reads
// only the given files: no configuration, no database, no network. An error means that
// nothing was checked.
func Verify(v VerifyOptions, o Output) (proven bool, err error) {
	keys, err := publicKeys(v.Keys)
	if err != nil {
		return false, err
	}
	file, err := boot.ReadBounded(v.File, receipt.MaxProof)
	if err != nil {
		return false, config.Misused("%v", err)
	}
	options, err := v.checkOptions(file)
	if err != nil {
		return false, err
	}
	result, err := receipt.Check(file, keys, options)
	if err != nil {
		return false, o.printRefusal(err)
	}
	return true, o.printResult(result)
}

func (v VerifyOptions) checkOptions(file []byte) (options receipt.Options, err error) {
	switch {
	case v.Salt == "" && (v.Response != "" || v.Owner != ""):
		return options, config.Misused("--response and --owner need the salt that the erasure returned (Receipt-Salt): add --salt")
	case v.Salt != "" && v.Response == "" && v.Owner == "":
		return options, config.Misused("--salt needs a response or an owner to look for: %s", saltAdvice(file))
	case v.Older != "" && v.Tiles == "":
		return options, config.Misused("--older needs the log's tiles: add --tiles with the folder of a mirror of /log")
	case v.Older == "" && v.Tiles != "":
		return options, config.Misused("--tiles needs another checkpoint to compare with: add --older with its file, or leave --tiles out")
	}
	if v.Salt != "" {
		salt, err := receipt.ParseSalt(v.Salt)
		if err != nil {
			return options, config.Misused("--salt: %v", err)
		}
		options.Salt = &salt
	}
	if v.Response != "" {
		id, err := domain.ParseID(v.Response)
		if err != nil {
			return options, config.Misused("--response: %v", err)
		}
		options.Response = &id
	}
	if v.Owner != "" {
		options.Owner = &v.Owner
	}
	if v.Older != "" {
		if options.Older, err = boot.ReadBounded(v.Older, boot.MaxKeyFile); err != nil {
			return options, config.Misused("--older: %v", err)
		}
		if info, err := os.Stat(v.Tiles); err != nil || !info.IsDir() {
			return options, config.Misused("--tiles: %q is not a folder", v.Tiles)
		}
		options.Tiles = os.DirFS(v.Tiles)
	}
	return options, nil
}

// saltAdvice says what to do with the salt, based on the receipt, which is not verified
// yet.
func saltAdvice(file []byte) string {
	var r receipt.Receipt
	p, err := receipt.ParseProof(file)
	if err == nil {
		r, err = receipt.Parse(p.Receipt)
	}
	switch {
	case err != nil:
		return "add --response ID or --owner OWNER, or leave --salt out"
	case r.Level != receipt.LevelLogical:
		return fmt.Sprintf("this receipt of a later level names neither; leave --salt out, or use it with the erasure's own receipt, %s", r.About)
	case len(r.Responses) == 0 && len(r.Owners) == 0:
		return "this receipt names no response and no owner; leave --salt out"
	case len(r.Responses) == 0:
		return "this receipt names no response; add --owner OWNER, or leave --salt out"
	}
	return "add --response ID or --owner OWNER, or leave --salt out"
}

// publicKeys reads keys that are given as text or as files.
func publicKeys(given []string) ([]receipt.PublicKey, error) {
	var keys []receipt.PublicKey
	for _, text := range given {
		if key, err := receipt.ParsePublicKey(text); err == nil {
			keys = append(keys, key)
			continue
		}
		if strings.HasPrefix(text, "PRIVATE+KEY") {
			return nil, config.Misused("--key: this is a private key: use the public key, which `lethe keys show FILE` prints")
		}
		data, err := boot.ReadBounded(text, boot.MaxKeyFile)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, config.Misused("--key: %q is neither a public key nor a file", text)
		} else if err != nil {
			return nil, config.Misused("--key: %v", err)
		}
		more, err := receipt.ParsePublicKeys(data)
		if err != nil {
			return nil, config.Misused("--key: %s: %v", text, err)
		}
		keys = append(keys, more...)
	}
	if len(keys) == 0 {
		return nil, config.Misused("give the log's public key with --key: nothing can be proven without one")
	}
	return keys, nil
}

// refusal and proof are the JSON output.
type refusal struct {
	Proven  bool `json:"proven"` // false
	Problem struct {
		Kind   string `json:"kind"`
		Reason string `json:"reason"`
	} `json:"problem"`
}

type proof struct {
	Proven     bool             `json:"proven"` // true
	Statements []string         `json:"statements"`
	NotProven  []string         `json:"not_proven"`
	Log        string           `json:"log"`
	Index      int64            `json:"index"`
	Size       int64            `json:"size"`
	Root       string           `json:"root"`
	Signatures []proofSignature `json:"signatures"`
	Receipt    json.RawMessage  `json:"receipt"`
}

type proofSignature struct {
	Key     string     `json:"key"`
	Witness bool       `json:"witness"`
	Time    *time.Time `json:"time,omitempty"`
}

func (o Output) printRefusal(err error) error {
	problem, ok := errors.AsType[*receipt.Error](err)
	if !ok {
		return err
	}
	if o.JSON {
		var r refusal
		r.Problem.Kind, r.Problem.Reason = string(problem.Kind), problem.Reason
		return writeJSON(o.Out, r)
	}
	return o.print("Not proven: %s.", problem.Reason)
}

func (o Output) printResult(r receipt.Result) error {
	if !o.JSON {
		_, err := fmt.Fprintf(o.Out, "Proven:\n  - %s\n\nNot proven:\n  - %s\n",
			strings.Join(r.Proven, "\n  - "), strings.Join(r.NotProven, "\n  - "))
		return err
	}
	encoded, err := receipt.Encode(r.Receipt)
	if err != nil {
		return err
	}
	p := proof{
		Proven: true, Statements: r.Proven, NotProven: r.NotProven, Log: r.Checkpoint.Origin, Index: r.Index,
		Size: r.Checkpoint.Size, Root: r.Checkpoint.Root.String(), Receipt: encoded,
	}
	for _, s := range r.Signatures {
		signature := proofSignature{Key: s.Key.ID(), Witness: s.Key.Witness()}
		if s.Key.Witness() {
			signature.Time = &s.Time
		}
		p.Signatures = append(p.Signatures, signature)
	}
	return writeJSON(o.Out, p)
}
