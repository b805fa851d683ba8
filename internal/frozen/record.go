package frozen

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// ReleaseEnv names the release that is about to be made. The tests that check a
// record then add to it first.
const ReleaseEnv = "FREEZE_RELEASE"

// Record has the digests of files by release and by path below the folder the
// record is about, with slashes.
type Record map[string]map[string]string

// Load reads a record; one that is not there is empty.
func Load(file string) (Record, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return Record{}, nil
	}
	if err != nil {
		return nil, err
	}
	r := Record{}
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return r, nil
}

// Save writes a record.
func (r Record) Save(file string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644)
}

// Add adds a release. One that is there already is an error: it was made.
func (r Record) Add(release string, root fs.FS, files []string) error {
	if _, made := r[release]; made {
		return fmt.Errorf("release %s is recorded already", release)
	}
	if len(files) == 0 {
		return fmt.Errorf("release %s has no files", release)
	}
	digests := map[string]string{}
	for _, file := range files {
		d, err := digest(root, file)
		if err != nil {
			return err
		}
		digests[file] = d
	}
	r[release] = digests
	return nil
}

// Check returns what is wrong with released files: an error each that is
// missing or changed.
func (r Record) Check(root fs.FS) error {
	var errs []error
	for _, release := range slices.Sorted(maps.Keys(r)) {
		for _, file := range slices.Sorted(maps.Keys(r[release])) {
			have, err := digest(root, file)
			switch {
			case errors.Is(err, fs.ErrNotExist):
				errs = append(errs, fmt.Errorf("%s was released with %s and is missing", file, release))
			case err != nil:
				errs = append(errs, err)
			case have != r[release][file]:
				errs = append(errs, fmt.Errorf("%s was released with %s and has changed", file, release))
			}
		}
	}
	return errors.Join(errs...)
}

// Has reports whether a file belongs to a release.
func (r Record) Has(file string) bool {
	for _, files := range r {
		if files[file] != "" {
			return true
		}
	}
	return false
}

// Copy copies files into a folder, which it makes.
func Copy(to string, files []string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, filepath.Base(file)), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func digest(root fs.FS, file string) (string, error) {
	text, err := fs.ReadFile(root, file)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}
