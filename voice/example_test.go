package voice_test

import (
	"context"
	"fmt"

	"github.com/taskrouter/taskrouter/voice"
	"github.com/taskrouter/taskrouter/voice/fake"
	"github.com/taskrouter/taskrouter/voice/voicetest"
)

// A caller waits in a room, the router rings an agent, and both talk.
func Example() {
	ctx := context.Background()
	router := voicetest.NewReceiver("fake", "http://router.test", nil)
	phone := fake.New(fake.Options{Fetcher: fake.HandlerFetcher(router)})
	defer phone.Close()
	phone.Auto("client:*", fake.Behaviour{Do: fake.PhoneAnswer})

	caller := phone.PlaceCall("+15550001", "+15550100", router.URL("/caller/WT1"), "")
	var backend voice.Backend = phone
	placed, err := backend.Dial(ctx, router.DialRequest("WR1-1", "client:alice", "WT1"))
	if err != nil {
		fmt.Println(voice.Verdict(err))
		return
	}
	_, _ = phone.WaitCall(ctx, caller, func(c fake.CallSnapshot) bool { return c.Bridged })
	again, _ := backend.Dial(ctx, router.DialRequest("WR1-1", "client:alice", "WT1"))
	fmt.Println(placed.Outcome, "then", again.Outcome)

	_ = backend.Hangup(ctx, voice.CallRef{Attempt: "WR1-1"}, voice.HangupNormal)
	leg, _ := backend.Inspect(ctx, placed.CallSIDs[0])
	fmt.Println(leg.State, leg.Cause)
	// Output:
	// placed then repeated
	// ended completed
}

func ExampleFlavour_MarkupStatusEvents() {
	fmt.Println(voice.FlavourTwilio.MarkupStatusEvents("ringing", "answered"))
	fmt.Println(voice.FlavourRestcomm.MarkupStatusEvents("ringing", "answered"))
	// Output:
	// ringing answered
	// ringing,answered
}
