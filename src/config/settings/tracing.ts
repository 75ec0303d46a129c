import { number, text } from '../setting.ts';

/** Where traces are sent. The names are OpenTelemetry's. */
export const TRACING = {
  OTEL_EXPORTER_OTLP_ENDPOINT: text({
    default: '',
    pattern: '^https?://.+',
    description:
      'base address of the OpenTelemetry collector (OTLP over HTTP) for traces; if not set, there are none',
  }),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: text({
    default: '',
    pattern: '^https?://.+',
    description: 'full address for traces, in place of the base address and /v1/traces',
  }),
  OTEL_EXPORTER_OTLP_PROTOCOL: text({
    default: 'http/protobuf',
    pattern: '^http/protobuf$',
    description: 'protocol of the collector; only http/protobuf (usually port 4318) is supported',
  }),
  OTEL_TRACES_EXPORTER: text({
    default: '',
    pattern: '^(otlp|none)$',
    description: 'otlp: traces, to localhost if no address is set; none: no traces',
  }),
  OTEL_SDK_DISABLED: text({
    default: '',
    pattern: '^(true|false)$',
    description: 'true: no traces, regardless of other settings',
  }),
  OTEL_SERVICE_NAME: text({
    default: '',
    pattern: '.',
    description: 'service.name of the traces; if not set, amiferry-api and amiferry-worker',
  }),
  OTEL_TRACES_SAMPLER: text({
    default: 'parentbased_always_on',
    pattern: '^(parentbased_)?(always_on|always_off|traceidratio)$',
    description: "sampler that selects the traces to keep, by OpenTelemetry's names",
  }),
  OTEL_TRACES_SAMPLER_ARG: number({
    default: 1,
    minimum: 0,
    maximum: 1,
    description: 'ratio of traces that traceidratio and parentbased_traceidratio keep',
  }),
};
