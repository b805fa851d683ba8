package callqueue

import (
	"bytes"
	"encoding/binary"
	"math"
	"net/http"
	"time"
)

// music serves the tune callers hear when no hold music was configured.
func (h *Handler) music(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "audio/wav")
	w.Header().Set("Cache-Control", "public, max-age=86400")
	http.ServeContent(w, r, "music.wav", time.Time{}, bytes.NewReader(h.tune()))
}

const (
	sampleRate = 8000 // what every platform can play
	noteLength = sampleRate / 2
)

// tune is a quiet broken chord of sixteen notes, eight seconds, as a WAV file
// with one channel of 16 bit samples.
func tune() []byte {
	chords := [][]float64{
		{261.63, 329.63, 392.00, 523.25},
		{220.00, 261.63, 329.63, 440.00},
		{174.61, 220.00, 261.63, 349.23},
		{196.00, 246.94, 293.66, 392.00},
	}
	var pcm bytes.Buffer
	for _, chord := range chords {
		for _, pitch := range chord {
			for i := range noteLength {
				t := float64(i) / sampleRate
				rest := 1 - float64(i)/noteLength
				attack := math.Min(1, float64(i)/200) // without it each note begins with a click
				v := math.Sin(2*math.Pi*pitch*t) + 0.3*math.Sin(4*math.Pi*pitch*t)
				var sample [2]byte
				binary.LittleEndian.PutUint16(sample[:], uint16(int16(5000*v*attack*rest*rest)))
				pcm.Write(sample[:])
			}
		}
	}
	return append(wavHeader(pcm.Len()), pcm.Bytes()...)
}

func wavHeader(size int) []byte {
	h := make([]byte, 0, 44)
	le := binary.LittleEndian
	h = append(h, "RIFF"...)
	h = le.AppendUint32(h, uint32(36+size))
	h = append(h, "WAVEfmt "...)
	h = le.AppendUint32(h, 16)
	h = le.AppendUint16(h, 1) // PCM
	h = le.AppendUint16(h, 1) // mono
	h = le.AppendUint32(h, sampleRate)
	h = le.AppendUint32(h, sampleRate*2)
	h = le.AppendUint16(h, 2)
	h = le.AppendUint16(h, 16)
	h = append(h, "data"...)
	return le.AppendUint32(h, uint32(size))
}
