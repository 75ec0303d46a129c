/** Where spans are sent, and which part of them. */
export interface TracingSettings {
  /** `service.name` of the spans; empty: amiferry-api and amiferry-worker. */
  serviceName: string;
  /** The address for spans (OTLP over HTTP, protobuf). It may contain a secret. */
  url: string;
  sampler: string;
  /** The ratio of traces that are kept, for samplers that have one. */
  samplerRatio: number;
}

/** The values of OpenTelemetry's environment variables; empty means not set. */
export interface OtelVariables {
  OTEL_SDK_DISABLED: string;
  OTEL_TRACES_EXPORTER: string;
  OTEL_EXPORTER_OTLP_ENDPOINT: string;
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: string;
  OTEL_SERVICE_NAME: string;
  OTEL_TRACES_SAMPLER: string;
  OTEL_TRACES_SAMPLER_ARG: number;
}

/** OpenTelemetry's own default. */
const LOCAL_COLLECTOR = 'http://localhost:4318';

/** The tracing configured by these variables; `null` for none, and then OpenTelemetry is not loaded. */
export function tracingSettings(otel: OtelVariables): TracingSettings | null {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: base, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: own } = otel;
  const exporter = otel.OTEL_TRACES_EXPORTER;
  const asked = exporter === 'otlp' || (exporter === '' && base + own !== '');
  if (!asked || otel.OTEL_SDK_DISABLED === 'true') return null;
  return {
    serviceName: otel.OTEL_SERVICE_NAME,
    url: own || `${(base || LOCAL_COLLECTOR).replace(/\/+$/, '')}/v1/traces`,
    sampler: otel.OTEL_TRACES_SAMPLER,
    samplerRatio: otel.OTEL_TRACES_SAMPLER_ARG,
  };
}
