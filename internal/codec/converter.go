package codec

import (
	"context"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// DataConverter is what Temporal clients, and the worker processes made of
// them, turn values into payloads with.
func (c *Codec) DataConverter() converter.DataConverter {
	plain := converter.GetDefaultDataConverter()
	return dataConverter{
		DataConverter: converter.NewCodecDataConverter(plain, c),
		inRuns:        converter.NewCodecDataConverter(plain, insistent{c}),
	}
}

// FailureConverter encrypts the messages and stack traces of failures as well.
// Without any key they are left readable.
func (c *Codec) FailureConverter() converter.FailureConverter {
	return temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{
		DataConverter: c.DataConverter(), EncodeCommonAttributes: c.Encrypts(),
	})
}

// dataConverter uses another converter inside runs.
type dataConverter struct {
	converter.DataConverter
	inRuns converter.DataConverter
}

var _ workflow.ContextAware = dataConverter{}

// WithWorkflowContext implements workflow.ContextAware.
func (d dataConverter) WithWorkflowContext(workflow.Context) converter.DataConverter { return d.inRuns }

// WithContext implements workflow.ContextAware.
func (d dataConverter) WithContext(context.Context) converter.DataConverter { return d }

// insistent is the Codec inside runs. There the SDK takes an error as the final
// word: it drops a signal it cannot read, and fails a run whose input it cannot
// read. A panic makes it give the workflow task back instead, until a process
// that has the key takes it: see converter.PayloadCodec.
type insistent struct{ *Codec }

// Decode implements converter.PayloadCodec.
func (c insistent) Decode(in []*commonpb.Payload) ([]*commonpb.Payload, error) {
	out, err := c.Codec.Decode(in)
	if err != nil {
		panic(err)
	}
	return out, nil
}
