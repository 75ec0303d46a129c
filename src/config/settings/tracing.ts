import { number, text } from '../setting.ts';

/** Where traces go; the names are those of OpenTelemetry. */
export const TRACING = {
  OTEL_EXPORTER_OTLP_ENDPOINT: text({
    default: '',
    pattern: '^https?://.+',
    description:
      'base address of an OpenTelemetry collector (OTLP over HTTP) that gets traces; none without it',
  }),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: text({
    default: '',
    pattern: '^https?://.+',
    description: 'the whole address for traces, in place of the base address and /v1/traces',
  }),
  OTEL_EXPORTER_OTLP_PROTOCOL: text({
    default: 'http/protobuf',
    pattern: '^http/protobuf$',
    description: 'protocol of the collector; http/protobuf (port 4318 as a rule) is the only one',
  }),
  OTEL_TRACES_EXPORTER: text({
    default: '',
    pattern: '^(otlp|none)$',
    description: 'otlp: traces also without an address, to localhost; none: no traces',
  }),
  OTEL_SDK_DISABLED: text({
    default: '',
    pattern: '^(true|false)$',
    description: 'true: no traces, whatever else is set',
  }),
  OTEL_SERVICE_NAME: text({
    default: '',
    pattern: '.',
    description: 'service.name of the traces; amiferry-api and amiferry-worker without it',
  }),
  OTEL_TRACES_SAMPLER: text({
    default: 'parentbased_always_on',
    pattern: '^(parentbased_)?(always_on|always_off|traceidratio)$',
    description: 'which traces are kept, by the names of OpenTelemetry',
  }),
  OTEL_TRACES_SAMPLER_ARG: number({
    default: 1,
    minimum: 0,
    maximum: 1,
    description: 'part of the traces that traceidratio and parentbased_traceidratio keep',
  }),
};
