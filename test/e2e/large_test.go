package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"

	"lethe/internal/pgtest"
)

const (
	largeBytes = 50 * mebibyte
	// largeAllowance is for all that is not a copy: buffers, and what the
	// runtime has not collected yet.
	largeAllowance = 16 * mebibyte
)

// largeText has no piece that comes twice, and characters of every length and
// of every way of escaping.
func largeText() string {
	var b bytes.Buffer
	b.Grow(largeBytes)
	for n := 0; b.Len() < largeBytes-64; n++ {
		fmt.Fprintf(&b, "%d \"quoted\" \\ <é€\U0001F30A>\t\x01\n", n)
	}
	for b.Len() < largeBytes {
		b.WriteByte('.')
	}
	return b.String()
}

// TestLargeContents: the service fetches a prompt and an answer of 50 MiB with memory
// for two copies at most, and soon releases it.
func TestLargeContents(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	key := newKey(t, database.URL)
	conn := connect(t, database.URL)
	ids := addResponses(t, conn, 2)
	text := largeText()
	execute(t, conn, `UPDATE fusillade.requests SET state = 'completed', response_status = 200, completed_at = now(),
		response_body = $2 WHERE id = $1`, ids[0], text)
	execute(t, conn, `WITH prompt AS (INSERT INTO fusillade.request_templates (endpoint, method, path, body, model, api_key)
			VALUES ('', 'POST', '/', $2, 'm', '') RETURNING id)
		UPDATE fusillade.requests r SET template_id = prompt.id FROM prompt WHERE r.id = $1`, ids[1], text)

	p := serve(t, databaseURL(database.RoleURL))
	for range 20 {
		p.list(t, key, "")
	}
	fetch := func(id string, compressed bool, to io.Writer) error {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+requestsPath+"/"+id, nil)
		if err != nil {
			return err
		}
		r.Header.Set("Authorization", "Bearer "+key)
		if !compressed { // what is said here is not undone by the client
			r.Header.Set("Accept-Encoding", "identity")
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			return err
		}
		defer func() { _ = response.Body.Close() }()
		if response.StatusCode != http.StatusOK || response.Uncompressed != compressed {
			return fmt.Errorf("want 200, got %d, compressed: %t", response.StatusCode, response.Uncompressed)
		}
		_, err = io.Copy(to, response.Body)
		return err
	}

	watched := runtime.GOOS == "linux"
	before := 0
	if watched {
		before = resident(t, p.Process.Pid)
	}
	// within runs something that may take so much more memory.
	within := func(what string, copies int, do func()) {
		t.Helper()
		if !watched {
			do()
			return
		}
		if err := os.WriteFile("/proc/"+strconv.Itoa(p.Process.Pid)+"/clear_refs", []byte("5"), 0); err != nil {
			t.Fatal(err)
		}
		do()
		more := memory(t, p.Process.Pid, "VmHWM") - before
		t.Logf("%s: %d MiB more at its peak than the %d MiB before", what, more/mebibyte, before/mebibyte)
		if more > copies*largeBytes+largeAllowance {
			t.Errorf("%s: want %d MiB more at the peak or less, got %d", what, (copies*largeBytes+largeAllowance)/mebibyte, more/mebibyte)
		}
		await(t, what+": memory is given back", stopTimeout, func() bool {
			return resident(t, p.Process.Pid) < before+largeAllowance/2
		})
	}

	sums := make(map[string][sha256.Size]byte)
	var whole bytes.Buffer
	whole.Grow(largeBytes + largeBytes/2)
	for i, id := range ids {
		for _, compressed := range []bool{false, true} {
			within(fmt.Sprintf("response %d, compressed: %t", i, compressed), 2, func() {
				whole.Reset()
				if err := fetch(id, compressed, &whole); err != nil {
					t.Error(err)
				}
			})
			sum := sha256.Sum256(whole.Bytes())
			if compressed {
				if sum != sums[id] {
					t.Errorf("response %d: want the same contents compressed and plain", i)
				}
				continue
			}
			sums[id] = sum
			var got struct {
				Body         string
				ResponseBody string `json:"response_body"`
			}
			if err := json.Unmarshal(whole.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			if i == 0 && got.ResponseBody != text || i == 1 && got.Body != text {
				t.Errorf("response %d: want the contents as stored", i)
			}
		}
	}
	within("both at a time", 4, func() {
		var fetching sync.WaitGroup
		for _, id := range ids {
			fetching.Go(func() {
				sum := sha256.New()
				if err := fetch(id, false, sum); err != nil || [sha256.Size]byte(sum.Sum(nil)) != sums[id] {
					t.Errorf("response %s: want the same contents beside a concurrent fetch, got others, %v", id, err)
				}
			})
		}
		fetching.Wait()
	})
}
