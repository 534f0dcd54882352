// Package browser opens pages in Chromium, as a person would, and has axe judge them for accessibility. Chromium is the
// system's own and runs as a child that asks nothing of the world outside this computer; what drives it is fetched by
// npm (package.json beside this file). It is for development and tests only: nothing of the product imports it.
package browser

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// ErrMissing says that there is no Chromium on this computer, and how to get it.
var ErrMissing = errors.New("chromium not found: run `make browser`, or install the package chromium")

// Browser is a running Chromium. It is safe for concurrent use; visits are made one after the other.
type Browser struct {
	// Version is Chromium's.
	Version string

	mu     sync.Mutex
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Scanner
	errors *strings.Builder
	temp   string // what the browser leaves behind
}

// Visit is what to open, and what to do there.
type Visit struct {
	URL string `json:"url"`
	// Width and Height are of the window; 390 by 844, a phone, if zero.
	Width  int  `json:"width"`
	Height int  `json:"height"`
	Dark   bool `json:"dark"`
	// NoScript turns JavaScript off. It cannot go with Axe, which is a script.
	NoScript bool `json:"noScript"`
	// Zone is the browser's; Europe/London if empty.
	Zone  string `json:"zone"`
	Steps []Step `json:"steps"`
	// Axe judges the page that the steps have led to.
	Axe bool `json:"axe"`
	// Screenshot is the file that a picture of that page is written to; empty for none.
	Screenshot string `json:"screenshot"`
	// Timeout is of each step, in milliseconds; 15 s if zero.
	Timeout int `json:"timeout"`
}

// Step is one thing that a person does on a page. Exactly one of Click, Fill and Key is set.
type Step struct {
	Click string `json:"click,omitempty"` // the name of a button or a link that leads to another page
	Fill  string `json:"fill,omitempty"`  // the label of a field
	With  string `json:"with,omitempty"`  // what the field is filled with
	Key   string `json:"key,omitempty"`   // such as "Tab"
}

// Report is what a visit came to.
type Report struct {
	URL      string            `json:"url"`
	Title    string            `json:"title"`
	Status   int               `json:"status"`
	Headers  map[string]string `json:"headers"`
	Text     string            `json:"text"` // of the page, as it is shown
	Bytes    int               `json:"bytes"`
	Requests []string          `json:"requests"` // every one, "GET http://..."
	// Console is what the browser complained of: errors of scripts, and whatever a content security policy stopped.
	Console []string `json:"console"`
	// Violations are what axe found.
	Violations []Violation `json:"violations"`
	// Overflow is by how many pixels the page is wider than the window.
	Overflow int `json:"overflow"`
	// Small names the links and buttons that are less than 44 pixels high or wide.
	Small []string `json:"small"`
	Error string   `json:"error"`
}

// Violation is a rule that a page breaks, and where.
type Violation struct {
	Rule   string   `json:"rule"`
	Impact string   `json:"impact"`
	Help   string   `json:"help"`
	Where  []string `json:"where"`
}

// Faults lists all that is wrong with a page, a sentence each, besides what the test itself looks for.
func (r Report) Faults() []string {
	var out []string
	for _, v := range r.Violations {
		out = append(out, fmt.Sprintf("axe: %s (%s): %s: %s", v.Rule, v.Impact, v.Help, strings.Join(v.Where, ", ")))
	}
	for _, c := range r.Console {
		out = append(out, "console: "+c)
	}
	if r.Overflow > 0 {
		out = append(out, fmt.Sprintf("the page is %d pixels wider than the window", r.Overflow))
	}
	for _, s := range r.Small {
		out = append(out, fmt.Sprintf("%q is too small to be pressed", s))
	}
	return out
}

// startTimeout bounds a start on a cold disk.
const startTimeout = 30 * time.Second

// Start starts Chromium. Without one on this computer it is ErrMissing. It ends with Close, and with this process.
func Start(ctx context.Context) (*Browser, error) {
	chromium, err := find()
	if err != nil {
		return nil, err
	}
	dir, err := folder()
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "playwright-core")); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("what drives the browser is not installed: npm ci --prefix %s", dir)
	}
	temp, err := os.MkdirTemp("", "almanac-browser-")
	if err != nil {
		return nil, err
	}
	b := &Browser{errors: &strings.Builder{}, temp: temp}
	b.cmd = exec.CommandContext(ctx, "node", filepath.Join(dir, "runner.mjs"), chromium) //nolint:gosec // our own file
	b.cmd.Dir, b.cmd.Env = dir, append(os.Environ(), "TMPDIR="+temp)
	b.cmd.Stderr = b.errors
	if b.in, err = b.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := b.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	b.out = bufio.NewScanner(out)
	b.out.Buffer(nil, maxReport)
	if err := b.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start the browser: %w", err), os.RemoveAll(temp))
	}
	stuck := time.AfterFunc(startTimeout, func() { _ = b.cmd.Process.Kill() })
	defer stuck.Stop()
	var began struct {
		Ready string `json:"ready"`
	}
	if err := b.read(&began); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	b.Version = began.Ready
	return b, nil
}

// maxReport is the longest report of a page.
const maxReport = 16 << 20

// find finds Chromium under the names that systems give it.
func find() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", ErrMissing
}

// folder finds the folder of this package's files from the working directory upwards.
func folder() (string, error) {
	at, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		dir := filepath.Join(at, "infra", "browser")
		if _, err := os.Stat(filepath.Join(dir, "runner.mjs")); err == nil {
			return dir, nil
		}
		if filepath.Dir(at) == at {
			return "", errors.New("no infra/browser from the working directory upwards: run inside the repository")
		}
		at = filepath.Dir(at)
	}
}

const (
	phoneWidth, phoneHeight = 390, 844
	stepTimeout             = 15 * time.Second
)

// Open makes a visit. A page that does not come, or a step that cannot be taken, is an error.
func (b *Browser) Open(v Visit) (Report, error) {
	if v.Width == 0 {
		v.Width = phoneWidth
	}
	if v.Height == 0 {
		v.Height = phoneHeight
	}
	if v.Timeout == 0 {
		v.Timeout = int(stepTimeout.Milliseconds())
	}
	line, err := json.Marshal(v)
	if err != nil {
		return Report{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, err := b.in.Write(append(line, '\n')); err != nil {
		return Report{}, fmt.Errorf("the browser has ended: %w: %s", err, b.errors.String())
	}
	var r Report
	if err := b.read(&r); err != nil {
		return r, err
	}
	if r.Error != "" {
		return r, fmt.Errorf("browser: %s", r.Error)
	}
	return r, nil
}

func (b *Browser) read(out any) error {
	if !b.out.Scan() {
		return fmt.Errorf("the browser has ended: %w: %s", errors.Join(b.out.Err(), io.EOF), b.errors.String())
	}
	if err := json.Unmarshal(b.out.Bytes(), out); err != nil {
		return fmt.Errorf("the browser's report: %w", err)
	}
	return nil
}

// Close ends Chromium.
func (b *Browser) Close() error {
	_ = b.in.Close() // its end is what the child waits for
	return errors.Join(b.cmd.Wait(), os.RemoveAll(b.temp))
}
