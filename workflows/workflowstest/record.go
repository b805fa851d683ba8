package workflowstest

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"path/filepath"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	sdkclient "go.temporal.io/sdk/client"
)

// History reads the whole history of the latest run with an id.
func History(ctx context.Context, c sdkclient.Client, workflowID string) (*historypb.History, error) {
	iter := c.GetWorkflowHistory(ctx, workflowID, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	h := &historypb.History{}
	for iter.HasNext() {
		e, err := iter.Next()
		if err != nil {
			return nil, fmt.Errorf("read history: %w", err)
		}
		h.Events = append(h.Events, e)
	}
	return h, nil
}

// Record writes the history of the latest run with an id to a file, as
// compressed JSON that Load and the Temporal tools read. Folders are made.
func Record(ctx context.Context, c sdkclient.Client, workflowID, path string) error {
	h, err := History(ctx, c, workflowID)
	if err != nil {
		return err
	}
	return Save(h, path)
}

// Save writes a history to a file. The same history gives the same bytes.
func Save(h *historypb.History, path string) error {
	text, err := temporalproto.CustomJSONMarshalOptions{Indent: "  "}.Marshal(h)
	if err != nil {
		return fmt.Errorf("encode history: %w", err)
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(text); err != nil {
		return fmt.Errorf("pack history: %w", err)
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("pack history: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	return os.WriteFile(path, packed.Bytes(), 0o644)
}

// Load reads a file that Record or Save wrote.
func Load(path string) (*historypb.History, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("unpack %s: %w", path, err)
	}
	h, err := sdkclient.HistoryFromJSON(r, sdkclient.HistoryJSONOptions{})
	if err != nil {
		return nil, fmt.Errorf("decode %s: %w", path, err)
	}
	return h, nil
}
