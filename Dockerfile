# syntax=docker/dockerfile:1

# The build runs on the machine's own architecture and cross-compiles: there is
# no C in the program.
FROM --platform=$BUILDPLATFORM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG TARGETOS
ARG TARGETARCH
ARG VERSION=dev
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -ldflags "-s -w -X main.buildVersion=$VERSION" -o /out/taskrouter ./cmd/taskrouter \
 && mkdir /out/data

# Certificates, time zones and the user nonroot (65532); no shell.
FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/taskrouter /usr/local/bin/taskrouter
COPY --from=build --chown=65532:65532 /out/data /data
WORKDIR /data
VOLUME /data
ENV TASKROUTER_LISTEN=0.0.0.0:8080 TASKROUTER_METRICS_LISTEN=0.0.0.0:9464
EXPOSE 8080 9464
USER nonroot
ENTRYPOINT ["/usr/local/bin/taskrouter"]
CMD ["all"]
