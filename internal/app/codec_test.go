package app

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/taskrouter/taskrouter/internal/codec"
	"github.com/taskrouter/taskrouter/internal/config"
	"github.com/taskrouter/taskrouter/workspace"
)

// TestCodecOfAProcess asks the API to decrypt what its Temporal client would
// write.
func TestCodecOfAProcess(t *testing.T) {
	const token = "token-of-the-operators"
	decode := func(a *App, authorization, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/codec/decode", strings.NewReader(body))
		r.Header.Set("Authorization", authorization)
		w := httptest.NewRecorder()
		a.server.Handler.ServeHTTP(w, r)
		return w
	}
	a := process(t, func(o *Options) {
		o.Config.Temporal.EncryptionKeys = config.NewSecret(workspace.NewSealingKey())
		o.Config.Codec.Token = config.NewSecret(token)
	})
	c, err := newCodec(a.opts.Config)
	require.NoError(t, err)
	p, err := c.DataConverter().ToPayload("WT1")
	require.NoError(t, err)
	require.Equal(t, codec.Encoding, string(p.GetMetadata()["encoding"]))
	body, err := protojson.Marshal(&commonpb.Payloads{Payloads: []*commonpb.Payload{p}})
	require.NoError(t, err)

	answer := decode(a, "Bearer "+token, string(body))
	require.Equal(t, http.StatusOK, answer.Code, answer.Body)
	var out commonpb.Payloads
	require.NoError(t, protojson.Unmarshal(answer.Body.Bytes(), &out))
	require.JSONEq(t, `"WT1"`, string(out.GetPayloads()[0].GetData()))
	require.Equal(t, http.StatusUnauthorized, decode(a, "Bearer wrong", string(body)).Code)

	off := process(t, func(o *Options) { o.Config.Temporal.EncryptionKeys = a.opts.Config.Temporal.EncryptionKeys })
	require.Equal(t, http.StatusNotFound, decode(off, "Bearer "+token, string(body)).Code, "without a token there is no such path")
}
