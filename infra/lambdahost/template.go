package lambdahost

import (
	"path/filepath"

	"almanac/infra/cfn"
)

// FromTemplate is the function that the template declares, its code below root. The name is the logical ID.
func FromTemplate(f cfn.Function, root string) Function {
	return Function{
		Name: f.ID, Dir: filepath.Join(root, f.CodeURI), Handler: f.Handler, Timeout: f.Timeout, MemoryMB: f.MemoryMB,
		Env: f.Env, LogFormat: f.LogFormat, LogLevel: f.LogLevel,
	}
}
