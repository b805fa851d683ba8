package frozen_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/internal/frozen"
)

// TestRecord freezes two releases and then does what must be noticed.
func TestRecord(t *testing.T) {
	folder := t.TempDir()
	root, manifest := os.DirFS(folder), filepath.Join(t.TempDir(), "released.json")
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600))
	}
	r, err := frozen.Load(manifest)
	require.NoError(t, err)
	require.Empty(t, r, "nothing was released")
	require.NoError(t, r.Check(root))

	write("a", "1")
	write("b", "2")
	require.NoError(t, r.Add("0.1.0", root, []string{"a"}))
	require.Error(t, r.Add("0.1.0", root, []string{"a", "b"}), "it was made")
	require.Error(t, r.Add("0.2.0", root, nil))
	require.Error(t, r.Add("0.2.0", root, []string{"c"}))
	require.NoError(t, r.Add("0.2.0", root, []string{"a", "b"}))
	require.NoError(t, r.Save(manifest))
	r, err = frozen.Load(manifest)
	require.NoError(t, err)
	require.NoError(t, r.Check(root))
	require.True(t, r.Has("b"))
	require.False(t, r.Has("c"))

	write("c", "new files may come")
	require.NoError(t, r.Check(root))
	write("a", "changed")
	require.ErrorContains(t, r.Check(root), "a was released with 0.1.0 and has changed")
	write("a", "1")
	require.NoError(t, os.Remove(filepath.Join(folder, "b")))
	require.ErrorContains(t, r.Check(root), "b was released with 0.2.0 and is missing")
	write("broken", "{")
	_, err = frozen.Load(filepath.Join(folder, "broken"))
	require.Error(t, err)
}

func TestCopy(t *testing.T) {
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "released", "0.1.0")
	require.NoError(t, os.WriteFile(filepath.Join(from, "a"), []byte("1"), 0o600))
	require.NoError(t, frozen.Copy(to, []string{filepath.Join(from, "a")}))
	text, err := os.ReadFile(filepath.Join(to, "a"))
	require.NoError(t, err)
	require.Equal(t, "1", string(text))
	require.Error(t, frozen.Copy(to, []string{filepath.Join(from, "b")}))
}
