namespace Sterna
{
    /// <summary>Configuration of one client. A new one has the library's initial values.</summary>
    public sealed unsafe class SternaConfig
    {
        /// <summary>TCP with TLS, or QUIC over UDP.</summary>
        public SternaTransport Transport;
        /// <summary>How the client is moved to another node.</summary>
        public SternaMoveMode MoveMode;
        /// <summary>How much <see cref="SternaClient.OnLog"/> hears.</summary>
        public SternaLogLevel LogLevel;
        /// <summary>How long connecting may take, over all addresses of the token.</summary>
        public uint ConnectTimeoutMs;
        /// <summary>How long a broken link may take to be restored.</summary>
        public uint ResumeTimeoutMs;
        /// <summary>How long a request waits for its reply unless it says otherwise.</summary>
        public uint RequestTimeoutMs;
        /// <summary>Pause between pings on a quiet link.</summary>
        public uint PingEveryMs;
        /// <summary>A link that is silent for so long is given up, and restored.</summary>
        public uint SilenceMaxMs;
        /// <summary>Bytes that may wait to be sent; past it sending gives <see cref="SternaResult.QueueFull"/>.</summary>
        public uint SendBytesMax;
        /// <summary>Bytes that may wait for <see cref="SternaClient.Update"/>; past it the server holds back.</summary>
        public uint EventBytesMax;
        /// <summary>Largest payload of a reliable message.</summary>
        public uint MessageBytesMax;
        /// <summary>A bad network, to try a game under: added to every packet, each way.</summary>
        public uint SimulatorDelayMs;
        /// <summary>Up to so much more delay, at random.</summary>
        public uint SimulatorJitterMs;
        /// <summary>Out of 100 packets, how many are lost.</summary>
        public uint SimulatorLossPercent;
        /// <summary>Begins the random choices, so that they can be repeated.</summary>
        public ulong SimulatorSeed;

        /// <summary>The library's initial values.</summary>
        public SternaConfig()
        {
            SternaLibrary.Check();
            NativeClientConfig native;
            SternaResult result = NativeMethods.sterna_client_config_init(&native, (uint)sizeof(NativeClientConfig));
            if (result != SternaResult.Ok)
            {
                throw SternaException.Of(result, NativeText.LastError());
            }
            Transport = (SternaTransport)native.transport;
            MoveMode = (SternaMoveMode)native.move_mode;
            LogLevel = (SternaLogLevel)native.log_level;
            ConnectTimeoutMs = native.connect_timeout_ms;
            ResumeTimeoutMs = native.resume_timeout_ms;
            RequestTimeoutMs = native.request_timeout_ms;
            PingEveryMs = native.ping_every_ms;
            SilenceMaxMs = native.silence_max_ms;
            SendBytesMax = native.send_bytes_max;
            EventBytesMax = native.event_bytes_max;
            MessageBytesMax = native.message_bytes_max;
            SimulatorDelayMs = native.simulator_delay_ms;
            SimulatorJitterMs = native.simulator_jitter_ms;
            SimulatorLossPercent = native.simulator_loss_percent;
            SimulatorSeed = native.simulator_seed;
        }

        internal NativeClientConfig ToNative()
        {
            return new NativeClientConfig
            {
                struct_size = (uint)sizeof(NativeClientConfig),
                transport = (uint)Transport,
                move_mode = (uint)MoveMode,
                log_level = (uint)LogLevel,
                connect_timeout_ms = ConnectTimeoutMs,
                resume_timeout_ms = ResumeTimeoutMs,
                request_timeout_ms = RequestTimeoutMs,
                ping_every_ms = PingEveryMs,
                silence_max_ms = SilenceMaxMs,
                send_bytes_max = SendBytesMax,
                event_bytes_max = EventBytesMax,
                message_bytes_max = MessageBytesMax,
                simulator_delay_ms = SimulatorDelayMs,
                simulator_jitter_ms = SimulatorJitterMs,
                simulator_loss_percent = SimulatorLossPercent,
                simulator_seed = SimulatorSeed,
            };
        }
    }
}
