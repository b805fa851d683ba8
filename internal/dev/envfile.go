package dev

import (
	"errors"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// Environment is what programs need to talk to the system.
func (s *System) Environment() map[string]string {
	return map[string]string{
		"TASKROUTER_URL":           s.App.URL(),
		"TASKROUTER_ACCOUNT_SID":   s.AccountSID,
		"TASKROUTER_AUTH_TOKEN":    s.AuthToken,
		"TASKROUTER_WORKSPACE_SID": s.WorkspaceSID,
		"TASKROUTER_WORKFLOW_SID":  s.WorkflowSID,
		"TEMPORAL_ADDRESS":         s.TemporalAddress,
		"TEMPORAL_NAMESPACE":       s.Namespace,
		"TEMPORAL_UI_URL":          s.UIURL,
	}
}

// WriteEnvFile writes the environment as KEY=value lines, readable by its owner
// only. The file appears complete or not at all: its appearance says that the
// system is ready.
func (s *System) WriteEnvFile(path string) error {
	env := s.Environment()
	keys := make([]string, 0, len(env))
	for k := range env {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	var b strings.Builder
	for _, k := range keys {
		b.WriteString(k + "=" + env[k] + "\n")
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".env-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	_, err = tmp.WriteString(b.String())
	if err = errors.Join(err, tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}
