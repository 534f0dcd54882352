package engine

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// helperVariable turns the test binary into a program that starts children, names their processes and waits. Its value
// says which: the engines, or one that hangs.
const helperVariable = "ALMANAC_ENGINE_HELPER"

func TestMain(m *testing.M) {
	if what := os.Getenv(helperVariable); what != "" {
		if err := helper(what); err != nil {
			fmt.Println(err)
		}
		return
	}
	os.Exit(m.Run())
}

func helper(what string) error {
	var children []*child
	if what == "hanging" {
		// It never reads its input, so it cannot see that the parent has gone.
		c, err := launch(spec{name: "sleep", path: "/bin/sleep", args: []string{"60"}}, nil)
		if err != nil {
			return err
		}
		children = append(children, c)
	} else {
		e, err := Start(context.Background(), Options{})
		if err != nil {
			return err
		}
		children = e.children
	}
	for _, c := range children {
		fmt.Println(c.cmd.Process.Pid)
	}
	fmt.Println("ready")
	time.Sleep(time.Minute)
	return nil
}

func TestStart(t *testing.T) {
	e := mustStart(t, Options{})

	t.Run("both answer the real clients", func(t *testing.T) {
		db := newDynamoDB(e)
		mustCreateTable(t, db)
		mustBook(t, db, "one")
		// The second attempt must fail on the condition: a transaction that the engine truly judged.
		err := book(t, db, "one")
		cancelled, ok := errors.AsType[*types.TransactionCanceledException](err)
		if !ok || aws.ToString(cancelled.CancellationReasons[1].Code) != "ConditionalCheckFailed" {
			t.Errorf("second booking: %v", err)
		}
		mustPassMessage(t, newSQS(e))
	})

	t.Run("they listen on the loopback address alone", func(t *testing.T) {
		for _, c := range e.children {
			want := []string{"127.0.0.1:" + strconv.Itoa(c.port)}
			if got := listeners(t, c.cmd.Process.Pid); !slices.Equal(got, want) {
				t.Errorf("%s listens on %v, want %v", c.name, got, want)
			}
		}
	})

	t.Run("Close leaves no child", func(t *testing.T) {
		select {
		case <-e.Done():
			t.Fatal("done before Close")
		default:
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		<-e.Done()
		for _, c := range e.children {
			if alive(c.cmd.Process.Pid) {
				t.Errorf("%s is still there", c.name)
			}
		}
		if err := e.Close(); err != nil {
			t.Errorf("second Close: %v", err)
		}
	})
}

func TestStartOne(t *testing.T) {
	e := mustStart(t, Options{SkipDynamoDB: true})
	if e.DynamoDB() != "" || len(e.children) != 1 {
		t.Errorf("DynamoDB Local was started at %q", e.DynamoDB())
	}
	mustPassMessage(t, newSQS(e))
	if _, err := Start(t.Context(), Options{SkipDynamoDB: true, SkipSQS: true}); err == nil {
		t.Error("starting nothing is no error")
	}
}

func TestDataDir(t *testing.T) {
	o := Options{DataDir: filepath.Join(t.TempDir(), "data"), SkipSQS: true}
	first := mustStart(t, o)
	db := newDynamoDB(first)
	mustCreateTable(t, db)
	mustBook(t, db, "kept")
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}

	db = newDynamoDB(mustStart(t, o))
	got, err := db.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: aws.String("table"), Key: key("kept")})
	if err != nil || len(got.Item) == 0 {
		t.Fatalf("after the restart: %v, %v", got, err)
	}
}

func TestFixedPort(t *testing.T) {
	first := mustStart(t, Options{SkipDynamoDB: true})
	port := first.sqs.port
	_, err := Start(t.Context(), Options{SkipDynamoDB: true, SQSPort: port})
	if err == nil || !strings.Contains(err.Error(), "EADDRINUSE") {
		t.Errorf("a taken port: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := mustStart(t, Options{SkipDynamoDB: true, SQSPort: port})
	if second.sqs.port != port {
		t.Errorf("listens on port %d, want %d", second.sqs.port, port)
	}
}

func TestParentKilled(t *testing.T) {
	for _, what := range []string{"engines", "hanging"} {
		t.Run(what, func(t *testing.T) {
			if what == "hanging" && runtime.GOOS != "linux" {
				t.Skip("only Linux has a parent death signal")
			}
			parent, children := startHelper(t, what)
			must(t, parent.Process.Kill())
			_ = parent.Wait() // it was killed: that is its error
			for _, pid := range children {
				for deadline := time.Now().Add(10 * time.Second); alive(pid); time.Sleep(10 * time.Millisecond) {
					if time.Now().After(deadline) {
						_ = syscall.Kill(pid, syscall.SIGKILL)
						t.Fatalf("process %d outlives its parent", pid)
					}
				}
			}
		})
	}
}

func TestEngineDies(t *testing.T) {
	e := mustStart(t, Options{SkipDynamoDB: true})
	must(t, e.sqs.cmd.Process.Kill())
	<-e.Done()
	if err := e.Close(); err == nil || !strings.Contains(err.Error(), "fauxqs: it ended by itself (signal: killed)") {
		t.Errorf("Close says: %v", err)
	}
}

func TestMissing(t *testing.T) {
	empty := t.TempDir()
	for _, test := range []struct {
		name, path, dir, want string
		o                     Options
	}{
		{"java", empty, "", "java not found: install a JDK", Options{SkipSQS: true}},
		{"node", empty, "", "node not found: install Node.js", Options{SkipDynamoDB: true}},
		{"packages", os.Getenv("PATH"), empty, "not installed: npm ci --prefix " + empty, Options{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("PATH", test.path)
			test.o.Dir = test.dir
			if _, err := Start(t.Context(), test.o); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
	t.Run("outside the repository", func(t *testing.T) {
		t.Chdir(empty)
		if _, err := Start(t.Context(), Options{}); err == nil || !strings.Contains(err.Error(), "inside the repository") {
			t.Error(err)
		}
	})
}

func BenchmarkStart(b *testing.B) {
	for _, o := range []struct {
		name string
		Options
	}{{"both", Options{}}, {"dynamodb", Options{SkipSQS: true}}, {"sqs", Options{SkipDynamoDB: true}}} {
		b.Run(o.name, func(b *testing.B) {
			for b.Loop() {
				e, err := Start(b.Context(), o.Options)
				if err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				if err := e.Close(); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
	}
}

func mustStart(t *testing.T, o Options) *Engine {
	t.Helper()
	e, err := Start(t.Context(), o)
	must(t, err)
	t.Cleanup(func() { _ = e.Close() }) // the tests that care have looked at it themselves
	return e
}

func startHelper(t *testing.T, what string) (*exec.Cmd, []int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), helperVariable+"="+what)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	var pids []int
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != "ready" {
		pid, err := strconv.Atoi(lines.Text())
		if err != nil {
			t.Fatal(lines.Text())
		}
		pids = append(pids, pid)
	}
	if len(pids) == 0 {
		t.Fatalf("children: %v", pids)
	}
	return cmd, pids
}

// alive reports whether the process exists and is no zombie that waits to be collected.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return runtime.GOOS != "linux"
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z")
}

// listeners returns the addresses on which the process listens, from the kernel's own tables.
func listeners(t *testing.T, pid int) []string {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("reads /proc")
	}
	sockets := make(map[string]bool)
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	must(t, err)
	for _, f := range files {
		if link, err := os.Readlink(f); err == nil && strings.HasPrefix(link, "socket:[") {
			sockets[strings.Trim(link, "socket:[]")] = true
		}
	}
	var found []string
	for _, table := range []string{"tcp", "tcp6", "udp", "udp6"} {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", pid, table))
		must(t, err)
		for line := range strings.Lines(string(text)) {
			f := strings.Fields(line)
			listening := f[3] == "0A" || strings.HasPrefix(table, "udp")
			if len(f) > 9 && listening && sockets[f[9]] {
				found = append(found, address(t, f[1]))
			}
		}
	}
	return found
}

// address turns the kernel's "0100007F:1F90" into "127.0.0.1:8080". A Java socket is an IPv6 one that carries the IPv4
// address in its last word.
func address(t *testing.T, hex string) string {
	t.Helper()
	host, port, _ := strings.Cut(hex, ":")
	number, err := strconv.ParseUint(port, 16, 16)
	must(t, err)
	if rest, ok := strings.CutPrefix(host, "0000000000000000FFFF0000"); ok {
		host = rest
	}
	if host == "0100007F" {
		host = "127.0.0.1"
	}
	return fmt.Sprintf("%s:%d", host, number)
}

func newDynamoDB(e *Engine) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		BaseEndpoint: aws.String(e.DynamoDB()), Region: "eu-west-2", Credentials: aws.CredentialsProviderFunc(nobody),
	})
}

func newSQS(e *Engine) *sqs.Client {
	return sqs.New(sqs.Options{
		BaseEndpoint: aws.String(e.SQS()), Region: "eu-west-2", Credentials: aws.CredentialsProviderFunc(nobody),
	})
}

func nobody(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
}

func key(id string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{"PK": &types.AttributeValueMemberS{Value: id}}
}

func mustCreateTable(t *testing.T, db *dynamodb.Client) {
	t.Helper()
	_, err := db.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName:            aws.String("table"),
		BillingMode:          types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("PK"), AttributeType: "S"}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("PK"), KeyType: types.KeyTypeHash}},
	})
	must(t, err)
}

func mustBook(t *testing.T, db *dynamodb.Client, id string) {
	t.Helper()
	must(t, book(t, db, id))
}

// book writes two items in one transaction, the second on the condition that it is new.
func book(t *testing.T, db *dynamodb.Client, id string) error {
	t.Helper()
	_, err := db.TransactWriteItems(t.Context(), &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
		{Put: &types.Put{TableName: aws.String("table"), Item: key("other")}},
		{Put: &types.Put{
			TableName: aws.String("table"), Item: key(id), ConditionExpression: aws.String("attribute_not_exists(PK)"),
		}},
	}})
	return err
}

func mustPassMessage(t *testing.T, q *sqs.Client) {
	t.Helper()
	queue, err := q.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("q")})
	must(t, err)
	_, err = q.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: queue.QueueUrl, MessageBody: aws.String("hello")})
	must(t, err)
	got, err := q.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: queue.QueueUrl})
	if err != nil || len(got.Messages) != 1 || *got.Messages[0].Body != "hello" {
		t.Fatalf("received %v, %v", got, err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
