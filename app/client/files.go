package client

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/google/uuid"

	"lethe/app/config"
	"lethe/app/ops"
	"lethe/sdk/go"
)

const (
	filePoll     = time.Second
	fileAttempts = 4 // to download, in a row in which nothing came
	filePause    = time.Second
	fileSilence  = 2 * time.Minute // then the connection is lost
)

// NewFile is a person's file to make and save.
type NewFile struct {
	Owner   string // e-mail address or identifier
	Request string // subject request that asks for it; may be empty
	Output  string // new file; empty: lethe-file-ID.zip
}

// Files lists persons' files.
func (c *Client) Files(ctx context.Context, p Page) error {
	return list(c, p, []string{"id", "requested", "state", "responses", "bytes", "expires", "owner"}, func(limit *int64, after *string) ([]byte, error) {
		answer, err := c.api.ListPersonFilesWithResponse(ctx, &lethe.ListPersonFilesParams{Limit: limit, After: after})
		if err != nil {
			return nil, err
		}
		return answer.Body, nil
	}, func(f lethe.PersonFile) []any {
		return []any{f.Id, local(&f.RequestedAt), string(f.State), f.Responses, value(f.Bytes), local(f.ExpiresAt), f.Owner}
	})
}

// File shows a person's file.
func (c *Client) File(ctx context.Context, id string) error {
	file, err := one(id)
	if err != nil {
		return err
	}
	answer, err := c.api.GetPersonFileWithResponse(ctx, file, nil)
	if err != nil {
		return c.explain(err)
	}
	return c.show(answer.Body)
}

// DeleteFile removes a person's file from the service, or ends making it.
func (c *Client) DeleteFile(ctx context.Context, id string) error {
	file, err := one(id)
	if err != nil {
		return err
	}
	if _, err = c.api.DeletePersonFileWithResponse(ctx, file, nil); err != nil {
		return c.explain(err)
	}
	c.say("File %s is gone.", file)
	return nil
}

// MakeFile has a person's file made, waits for it and saves it.
func (c *Client) MakeFile(ctx context.Context, n NewFile) error {
	var subject *uuid.UUID
	if n.Request != "" {
		id, err := one(n.Request)
		if err != nil {
			return err
		}
		subject = &id
	}
	if err := vacant(n.Output); err != nil {
		return err
	}
	key := uuid.NewString()
	answer, err := c.api.StartPersonFileWithResponse(ctx, &lethe.StartPersonFileParams{IdempotencyKey: &key}, lethe.NewPersonFile{Owner: n.Owner, SubjectRequest: subject})
	if err != nil {
		return c.explain(err)
	}
	c.say("File %s is being made.", answer.JSON202.Id)
	return c.saveFile(ctx, answer.JSON202.Id, n.Output)
}

// DownloadFile waits until a person's file is done and saves it.
func (c *Client) DownloadFile(ctx context.Context, id, output string) error {
	file, err := one(id)
	if err != nil {
		return err
	}
	if err := vacant(output); err != nil {
		return err
	}
	return c.saveFile(ctx, file, output)
}

// vacant refuses the name of something that is there.
func vacant(name string) error {
	if _, err := os.Lstat(name); name != "" && err == nil {
		return config.Misused("--output: %s exists already: give another name, or remove it", name)
	}
	return nil
}

// saveFile waits until a file is done, and saves it under its name once it is whole.
func (c *Client) saveFile(ctx context.Context, id uuid.UUID, output string) error {
	if output == "" {
		output = "lethe-file-" + id.String() + ".zip"
		if err := vacant(output); err != nil {
			return err
		}
	}
	later := func(err error) error {
		if ctx.Err() != nil {
			err = errors.New("stopped before the file was saved")
		}
		return fmt.Errorf("%w; save it with \"lethe files download %s\"", err, id)
	}
	done, err := c.awaitFile(ctx, id)
	if err != nil {
		return later(c.explain(err))
	}
	if done.State != lethe.PersonFileStateDone {
		return fmt.Errorf("the file is %s: %s", done.State, value(done.Message))
	}
	if err := c.download(ctx, done, output); err != nil {
		return later(c.explain(err))
	}
	if c.o.JSON {
		return c.saved(struct {
			Export lethe.PersonFile `json:"export"`
			File   string           `json:"file"`
		}{done, output})
	}
	_, err = fmt.Fprintf(c.o.Out, "Saved %d responses in %s. The service removes its copy at %s.\n", done.Responses, ops.Printable(output), local(done.ExpiresAt))
	return err
}

// awaitFile waits until a file is no longer made.
func (c *Client) awaitFile(ctx context.Context, id uuid.UUID) (lethe.PersonFile, error) {
	for {
		answer, err := c.api.GetPersonFileWithResponse(ctx, id, nil)
		if err != nil {
			return lethe.PersonFile{}, err
		}
		if f := *answer.JSON200; f.State != lethe.PersonFileStateQueued && f.State != lethe.PersonFileStateRunning {
			return f, nil
		}
		select {
		case <-ctx.Done():
			return lethe.PersonFile{}, ctx.Err()
		case <-time.After(filePoll):
		}
	}
}

// download saves a file that is done. Where the connection breaks, it goes on from there.
func (c *Client) download(ctx context.Context, f lethe.PersonFile, output string) (err error) {
	if f.File == nil || f.Bytes == nil || f.Sha256 == nil {
		return errors.New("the service does not say where the file is, how long, and what its SHA-256 is")
	}
	part := output + ".partial"
	out, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return config.Misused("--output: %v", err)
	}
	defer func() {
		_ = out.Close() // again, if all went well
		if err != nil {
			_ = os.Remove(part)
		}
	}()
	d := &downloading{c: c, file: f, out: out, sum: sha256.New()}
	for failures := 0; d.size < *f.Bytes; {
		before := d.size
		failed := d.more(ctx)
		if failed == nil {
			break
		}
		if failures++; d.size > before {
			failures = 1
		}
		if failure, answered := errors.AsType[*lethe.Error](failed); answered && failure.Status != 0 || ctx.Err() != nil || failures >= fileAttempts {
			return failed
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(filePause << (failures - 1)):
		}
	}
	if d.size != *f.Bytes || hex.EncodeToString(d.sum.Sum(nil)) != *f.Sha256 {
		return fmt.Errorf("what came is not the file: %d bytes of %d, or another SHA-256", d.size, *f.Bytes)
	}
	if err := errors.Join(out.Sync(), out.Close()); err != nil {
		return err
	}
	return os.Rename(part, output)
}

// downloading is a file while it arrives.
type downloading struct {
	c    *Client
	file lethe.PersonFile
	out  *os.File
	sum  hash.Hash
	size int64 // of what is there
}

// more fetches what is missing, until the end or a cut.
func (d *downloading) more(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	silent := time.AfterFunc(fileSilence, cancel)
	defer silent.Stop()
	at, err := url.Parse(d.c.server)
	if err != nil {
		return err
	}
	header := http.Header{"Accept-Encoding": {"identity"}} // a range is one of the bytes of the file
	if d.size > 0 {
		header.Set("Range", fmt.Sprintf("bytes=%d-", d.size))
	}
	answer, err := d.c.fetch(ctx, at.JoinPath("lethe/api/v1/exports", d.file.Id.String(), "file").String(), header, "application/zip")
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	// One byte too many shows that this is not the file.
	buffer, rest := make([]byte, 64<<10), io.LimitReader(answer.Body, *d.file.Bytes-d.size+1)
	for {
		n, err := rest.Read(buffer)
		silent.Reset(fileSilence)
		if _, err := d.out.Write(buffer[:n]); err != nil {
			return err
		}
		d.sum.Write(buffer[:n])
		if d.size += int64(n); err == io.EOF {
			return nil
		} else if err != nil {
			return &lethe.Error{Problem: lethe.Problem{Title: "No answer", Detail: err.Error()}, Err: err}
		}
	}
}
