package receipt

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// MaxProof is the maximum size: the longest receipt, checkpoint and proof fit.
const MaxProof = 2 << 20

// maxHashes is the maximum number of hashes for a tree of maxNumber leaves.
const maxHashes = 53

// Proof is the content of a proof file: a receipt, and the proof that it is a leaf of
// the log at a signed checkpoint.
type Proof struct {
	Receipt    []byte // canonical: as Encode writes it
	Index      int64  // of the leaf, starting at 0
	Hashes     []tlog.Hash
	Checkpoint []byte // signed: as SignCheckpoint writes it
}

const (
	proofHeader = "c2sp.org/tlog-proof@v1"
	proofExtra  = "extra "
	proofIndex  = "index "
)

// FormatProof returns the proof file (C2SP tlog-proof, with the receipt as extra
// data). BadProof or BadCheckpoint if the form is wrong; only Check decides whether
// it proves anything.
func FormatProof(p Proof) ([]byte, error) {
	switch {
	case len(p.Receipt) == 0 || len(p.Receipt) > MaxReceipt:
		return nil, errorf(BadProof, "the proof holds no receipt, or one longer than %d bytes", MaxReceipt)
	case p.Index < 0 || p.Index >= maxNumber:
		return nil, errorf(BadProof, "the proof's index is negative or too large")
	case len(p.Hashes) > maxHashes:
		return nil, errorf(BadProof, "the proof has more hashes than any tree needs")
	}
	if _, err := parseSigned(p.Checkpoint); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n%s%s\n%s%d\n", proofHeader, proofExtra, base64.StdEncoding.EncodeToString(p.Receipt), proofIndex, p.Index)
	for _, hash := range p.Hashes {
		fmt.Fprintf(&b, "%s\n", hash)
	}
	b.WriteByte('\n')
	b.Write(p.Checkpoint)
	return b.Bytes(), nil
}

// ParseProof reads what FormatProof writes, byte for byte, and nothing else
// (BadProof, BadCheckpoint).
func ParseProof(file []byte) (Proof, error) {
	if len(file) > MaxProof {
		return Proof{}, errorf(BadProof, "the file is longer than %d bytes", MaxProof)
	}
	head, checkpoint, _ := bytes.Cut(file, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	if lines[0] != proofHeader {
		return Proof{}, errorf(BadProof, "the file is no receipt: its first line is not %s", proofHeader)
	}
	if len(lines) < 3 || !strings.HasPrefix(lines[1], proofExtra) || !strings.HasPrefix(lines[2], proofIndex) {
		return Proof{}, errorf(BadProof, "the file is no receipt: its second and third line must begin with %q and %q", proofExtra, proofIndex)
	}
	if len(lines) > 3+maxHashes {
		return Proof{}, errorf(BadProof, "the proof has more hashes than any tree needs")
	}
	p := Proof{Checkpoint: checkpoint}
	var err error
	if p.Receipt, err = base64.StdEncoding.DecodeString(lines[1][len(proofExtra):]); err != nil {
		return Proof{}, errorf(BadProof, "the receipt, or its proof, was changed since it was sealed: the second line is no base64")
	}
	if p.Index, err = strconv.ParseInt(lines[2][len(proofIndex):], 10, 64); err != nil {
		return Proof{}, errorf(BadProof, "the third line holds no index")
	}
	for i, line := range lines[3:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return Proof{}, errorf(BadProof, "line %d holds no hash", i+4)
		}
		p.Hashes = append(p.Hashes, hash)
	}
	canonical, err := FormatProof(p)
	if err != nil {
		return Proof{}, err
	}
	if at, same := firstDifference(file, canonical); !same {
		return Proof{}, errorf(BadProof, "the file is not in its canonical form from byte %d on", at)
	}
	return p, nil
}
