package offsite

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/google/uuid"

	"lethe/plainfile"
)

const (
	listSuffix = ".list"
	stateFile  = "state.json"
	lockName   = "lock"

	// maxLine bounds a line, in bytes: some 10,000 requests.
	maxLine = 1 << 20
)

// Entry is one erasure of the list.
type Entry struct {
	Receipt    uuid.UUID   `json:"receipt"`
	ExecutedAt time.Time   `json:"executed_at"`
	Requests   []uuid.UUID `json:"requests"`
	Salt       []byte      `json:"salt,omitempty"`  // the receipt's, or the secret that it is derived from; none if forgotten
	Actor      *uuid.UUID  `json:"actor,omitempty"` // who requested it; nil: no person
}

// Span is a time from which erasures may be missing.
type Span struct {
	After  time.Time `json:"after"`
	Before time.Time `json:"before"`
}

// State says how complete the list is.
type State struct {
	Complete time.Time `json:"complete"`       // up to here, except for the gaps; zero: nothing is known
	Gaps     []Span    `json:"gaps,omitempty"` // the oldest first
}

// List is a list of erasures that only its recipients can read. It has a file for each
// day (UTC) on which something was written, with a line for each erasure: the receipt,
// the time, and the rest encrypted with age.
type List struct {
	folder     string
	recipients []age.Recipient
	lock       *os.File
}

// NewIdentity makes a key pair for lists: the content of a file of identities, and its
// recipient.
func NewIdentity() (identity, recipient string, err error) {
	k, err := age.GenerateX25519Identity()
	if err != nil {
		return "", "", err
	}
	return k.String(), k.Recipient().String(), nil
}

// OpenList opens the list in a folder for one process at a time to write. It makes a
// missing folder. Recipients are of X25519, as age1….
func OpenList(folder string, recipients []string) (*List, error) {
	l := &List{folder: folder}
	for _, text := range recipients {
		r, err := age.ParseX25519Recipient(text)
		if err != nil {
			// Do not repeat it: an identity given by mistake is a secret.
			return nil, errors.New("not a recipient: give the age1… line that is printed when an identity is created")
		}
		l.recipients = append(l.recipients, r)
	}
	if len(l.recipients) == 0 {
		return nil, errors.New("no recipient given: the list needs at least one to be readable")
	}
	if err := os.MkdirAll(folder, folderMode); err != nil {
		return nil, err
	}
	var err error
	if l.lock, err = lockFile(filepath.Join(folder, lockName), 0); errors.Is(err, errLocked) {
		return nil, fmt.Errorf("another process is already writing to %s: stop one of the two", folder)
	}
	return l, err
}

// Close lets others write.
func (l *List) Close() error { return l.lock.Close() }

// Append adds entries to today's file, durably. It first removes a line that a crash
// cut off there.
func (l *List) Append(now time.Time, entries []Entry) error {
	if len(entries) == 0 {
		return nil
	}
	var lines bytes.Buffer
	for _, e := range entries {
		if err := l.encode(&lines, e); err != nil {
			return err
		}
	}
	path := filepath.Join(l.folder, now.UTC().Format(time.DateOnly)+listSuffix)
	f, err := plainfile.Open(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, fileMode)
	if err != nil {
		return err
	}
	err = mend(f)
	if err == nil {
		_, err = f.Write(lines.Bytes())
	}
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return syncFolder(l.folder)
}

func (l *List) encode(to *bytes.Buffer, e Entry) error {
	e.ExecutedAt = e.ExecutedAt.UTC()
	plain, err := json.Marshal(e)
	if err != nil {
		return err
	}
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, l.recipients...)
	if err == nil {
		_, err = w.Write(plain)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return err
	}
	begin := to.Len()
	fmt.Fprintf(to, "%s %s %s\n", e.Receipt, e.ExecutedAt.Format(time.RFC3339Nano), base64.StdEncoding.EncodeToString(sealed.Bytes()))
	if to.Len()-begin > maxLine {
		return fmt.Errorf("the erasure of receipt %s has too many requests for one line of the list", e.Receipt)
	}
	return nil
}

// mend cuts off what follows the last whole line.
func mend(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	tail := make([]byte, min(maxLine, info.Size()))
	if _, err := f.ReadAt(tail, info.Size()-int64(len(tail))); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	whole := bytes.LastIndexByte(tail, '\n') + 1
	switch {
	case whole == len(tail):
		return nil
	case whole == 0 && info.Size() > maxLine:
		return fmt.Errorf("%s is damaged: its last line is too long", f.Name())
	}
	return f.Truncate(info.Size() - int64(len(tail)-whole))
}

// Listed returns the receipts of entries that were written since a time.
func (l *List) Listed(since time.Time) (map[uuid.UUID]bool, error) {
	files, err := listFiles(l.folder)
	if err != nil {
		return nil, err
	}
	from := since.UTC().Format(time.DateOnly)
	listed := map[uuid.UUID]bool{}
	for _, file := range files {
		if file < from {
			continue
		}
		err := eachLine(filepath.Join(l.folder, file), func(line []byte) error {
			word, _, _ := bytes.Cut(line, []byte(" "))
			id, err := uuid.ParseBytes(word)
			listed[id] = true
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return listed, nil
}

// Expire removes the files of days that ended longer ago than keep, and returns their
// number.
func (l *List) Expire(now time.Time, keep time.Duration) (removed int, err error) {
	files, err := listFiles(l.folder)
	if err != nil {
		return 0, err
	}
	last := now.UTC().Add(-keep).Format(time.DateOnly) + listSuffix
	for _, file := range files {
		if file < last {
			if err := os.Remove(filepath.Join(l.folder, file)); err != nil {
				return removed, err
			}
			removed++
		}
	}
	return removed, nil
}

func (l *List) State() (State, error) { return ReadState(l.folder) }

func (l *List) SetState(s State) error {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return replaceFile(filepath.Join(l.folder, stateFile), append(data, '\n'))
}

// ReadState reads how complete the list in a folder is.
func ReadState(folder string) (s State, err error) {
	path := filepath.Join(folder, stateFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err == nil {
		if err = json.Unmarshal(data, &s); err != nil {
			err = fmt.Errorf("%s is damaged: %w", path, err)
		}
	}
	return s, err
}

// ReadList calls each with every entry of the list in a folder, in the order of
// writing. identities is the content of a file of age identities. A line cut off by a
// crash at the end of a file is skipped; anything else that is damaged, or that no
// identity opens, is an error that names the line.
func ReadList(folder string, identities []byte, each func(Entry) error) error {
	keys, err := age.ParseIdentities(bytes.NewReader(identities))
	if err != nil {
		return errors.New("no identity in the identity file: it needs a line that begins with AGE-SECRET-KEY-1")
	}
	files, err := listFiles(folder)
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("no list found in %s (expected files named like 2006-01-02%s)", folder, listSuffix)
	}
	for _, file := range files {
		err := eachLine(filepath.Join(folder, file), func(line []byte) error {
			e, err := decode(line, keys)
			if err != nil {
				return err
			}
			return each(e)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func decode(line []byte, keys []age.Identity) (e Entry, err error) {
	words := strings.Split(string(line), " ")
	if len(words) != 3 {
		return e, errors.New("the line does not have three fields")
	}
	sealed, err := base64.StdEncoding.Strict().DecodeString(words[2])
	if err != nil {
		return e, errors.New("the third field is not base64")
	}
	r, err := age.Decrypt(bytes.NewReader(sealed), keys...)
	var none *age.NoIdentityMatchError
	if errors.As(err, &none) {
		return e, errors.New("the identity cannot decrypt it: it was encrypted for another recipient")
	}
	var plain []byte
	if err == nil {
		plain, err = io.ReadAll(r)
	}
	if err != nil {
		return e, errors.New("decryption failed")
	}
	d := json.NewDecoder(bytes.NewReader(plain))
	d.DisallowUnknownFields()
	if err := d.Decode(&e); err != nil || len(e.Requests) == 0 {
		return e, errors.New("it is not an erasure that this version can read")
	}
	if e.Receipt.String() != words[0] || e.ExecutedAt.Format(time.RFC3339Nano) != words[1] {
		return e, errors.New("its content does not match its first two fields")
	}
	return e, nil
}

// listFiles returns the names of the list's files, the oldest first.
func listFiles(folder string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, entry := range entries {
		day, ok := strings.CutSuffix(entry.Name(), listSuffix)
		if _, err := time.Parse(time.DateOnly, day); ok && err == nil {
			files = append(files, entry.Name())
		}
	}
	slices.Sort(files)
	return files, nil
}

// eachLine calls do with every whole line.
func eachLine(path string, do func(line []byte) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	lines := bufio.NewReaderSize(f, maxLine+1)
	for n := 1; ; n++ {
		line, err := lines.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = do(line[:len(line)-1])
		} else if errors.Is(err, bufio.ErrBufferFull) {
			err = errors.New("the line is too long")
		}
		if err != nil {
			return fmt.Errorf("%s, line %d: %w", path, n, err)
		}
	}
}
