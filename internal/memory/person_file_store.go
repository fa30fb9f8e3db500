package memory

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"sync"

	"github.com/google/uuid"

	"lethe/domain"
)

// PersonFileStore implements domain.PersonFileStore. A file is a WrittenFile as JSON.
type PersonFileStore struct {
	mu     sync.Mutex
	files  map[uuid.UUID][]byte
	making map[uuid.UUID]*fileWriter
}

// WrittenFile is what a use case has put into a file.
type WrittenFile struct {
	Responses []domain.ResponseDetail
	Receipts  map[uuid.UUID][]byte
	Facts     domain.PersonFileFacts
}

var _ domain.PersonFileStore = (*PersonFileStore)(nil)

// NewPersonFileStore makes an empty port.
func NewPersonFileStore() *PersonFileStore {
	return &PersonFileStore{files: make(map[uuid.UUID][]byte), making: make(map[uuid.UUID]*fileWriter)}
}

type fileWriter struct {
	WrittenFile
	store *PersonFileStore
	id    uuid.UUID
}

func (s *PersonFileStore) New(id uuid.UUID) (domain.PersonFileWriter, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := &fileWriter{WrittenFile{Receipts: make(map[uuid.UUID][]byte)}, s, id}
	s.making[id] = w
	return w, nil
}

func (s *PersonFileStore) Open(id uuid.UUID) (io.ReadSeekCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	file, ok := s.files[id]
	if !ok {
		return nil, domain.Errorf(domain.CodeNotFound, "no such file")
	}
	return openFile{bytes.NewReader(file)}, nil
}

type openFile struct{ *bytes.Reader }

func (openFile) Close() error { return nil }

func (s *PersonFileStore) Remove(id uuid.UUID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.files, id)
	delete(s.making, id)
	return nil
}

func (s *PersonFileStore) Kept() ([]uuid.UUID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.AppendSeq(slices.Collect(maps.Keys(s.files)), maps.Keys(s.making)), nil
}

func (w *fileWriter) Add(r domain.ResponseDetail) error {
	w.Responses = append(w.Responses, r)
	return nil
}

func (w *fileWriter) AddReceipt(id uuid.UUID, proof []byte) error {
	w.Receipts[id] = proof
	return nil
}

func (w *fileWriter) Finish(facts domain.PersonFileFacts) (domain.MadePersonFile, error) {
	w.Facts = facts
	file, err := json.Marshal(w.WrittenFile)
	if err != nil {
		return domain.MadePersonFile{}, err
	}
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	if w.store.making[w.id] != w {
		return domain.MadePersonFile{}, domain.Errorf(domain.CodeInternal, "another attempt has begun")
	}
	delete(w.store.making, w.id)
	w.store.files[w.id] = file
	return domain.MadePersonFile{Responses: int64(len(w.Responses)), Bytes: int64(len(file)), SHA256: sha256.Sum256(file)}, nil
}

func (w *fileWriter) Discard() error {
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	if w.store.making[w.id] == w {
		delete(w.store.making, w.id)
	}
	return nil
}
