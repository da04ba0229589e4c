using System;
using System.Collections.Generic;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using System.Threading;

namespace Sterna
{
    /// <summary>One user's connection to a cluster, which goes on when the cluster moves it to another node.</summary>
    /// <remarks>
    /// <para>Call <see cref="Update"/> once per frame: events are raised and awaited tasks go on inside it, on the thread
    /// that calls it, and nowhere else. Nothing native calls into managed code. All other methods may be called from any
    /// thread, also inside an event.</para>
    /// <para>Subscribe before connecting; events that nobody has subscribed to are dropped. Messages cost no garbage:
    /// payloads come in a buffer that is used again.</para>
    /// </remarks>
    public sealed unsafe partial class SternaClient : IDisposable
    {
        private readonly ClientHandle handle;
        private readonly TextCache texts = new TextCache();
        private byte[] buffer = new byte[1024];
        private int updating;
        private volatile bool disposed;

        /// <summary>The session has begun.</summary>
        public event Action<ConnectedArgs> OnConnected;
        /// <summary>Connecting failed; it may be tried again.</summary>
        public event Action<EndedArgs> OnConnectFailed;
        /// <summary>The session has ended, for good.</summary>
        public event Action<EndedArgs> OnDisconnected;
        /// <summary>The link broke; it is restored without the game's doing.</summary>
        public event Action<EndedArgs> OnReconnecting;
        /// <summary>The link is restored; no reliable message was lost.</summary>
        public event Action<ReconnectedArgs> OnReconnected;
        /// <summary>The node goes offline: call <see cref="SendMigrate"/>, here or when it suits the game.</summary>
        public event Action<OfflineArgs> OnOffline;
        /// <summary>Another node is prepared; play goes on.</summary>
        public event Action<MigratingArgs> OnMigrating;
        /// <summary>Another node serves the session now; nothing was lost.</summary>
        public event Action<MigratedArgs> OnMigrated;
        /// <summary>The move failed; play goes on where it was.</summary>
        public event Action<EndedArgs> OnMigrateFailed;
        /// <summary>The node crashed, and another one went on from a snapshot: messages may be gone.</summary>
        public event Action<TookOverArgs> OnTookOver;
        /// <summary>A request was answered, or will not be; also one that is awaited.</summary>
        public event Action<ResponseArgs> OnResponse;
        /// <summary>The server sent a message.</summary>
        public event Action<PushArgs> OnPush;
        /// <summary>The library has something to say.</summary>
        public event Action<LogArgs> OnLog;

        /// <summary>Creates a client; null stands for the initial configuration.</summary>
        /// <exception cref="SternaException">The library is missing or does not fit, or the configuration is wrong.
        /// </exception>
        public SternaClient(SternaConfig config = null)
        {
            SternaLibrary.Check();
            NativeClientConfig native = (config ?? new SternaConfig()).ToNative();
            NativeClient* client;
            SternaResult result = NativeMethods.sterna_client_create(&native, &client);
            if (result != SternaResult.Ok)
            {
                throw SternaException.Of(result, NativeText.LastError());
            }
            handle = new ClientHandle(client);
            Node = string.Empty;
            Room = new SternaRoom(this);
        }

        /// <summary>The room that the user is in, or may join: each user is in at most one.</summary>
        public SternaRoom Room { get; private set; }

        /// <summary>The name of the node that serves, as of the latest event; empty if none does.</summary>
        public string Node { get; private set; }

        /// <summary>Whether the node has said that it goes offline and the session is still there.</summary>
        public bool IsOffline { get; private set; }

        /// <summary>Where the client stands now; it may be ahead of the events.</summary>
        public SternaState State
        {
            get { return NativeMethods.sterna_client_state(Native); }
        }

        /// <summary>The client's figures; all 0 if it is disposed.</summary>
        public SternaStats Stats
        {
            get
            {
                NativeStats native = new NativeStats();
                NativeMethods.sterna_client_stats(Native, &native, (uint)sizeof(NativeStats));
                return new SternaStats(native);
            }
        }

        /// <summary>What the last call of this thread that failed has to say.</summary>
        public string LastError
        {
            get { return NativeText.Read(NativeMethods.sterna_client_last_error(Native)); }
        }

        /// <summary>
        /// Nobody's once it is disposed, also while an event keeps the native client: what was begun then would never
        /// end.
        /// </summary>
        internal NativeClient* Native
        {
            get { return disposed ? ClientHandle.Nobody : handle.Client; }
        }

        /// <summary>
        /// Raises the events of what has happened, has awaited tasks go on, and sends what is queued. Once per frame.
        /// </summary>
        /// <remarks>An exception of a handler is thrown at the end, when all other events have been handled; of
        /// several an <see cref="AggregateException"/>.</remarks>
        /// <returns><see cref="SternaResult.Busy"/> inside an event, or while another thread is in it.</returns>
        public SternaResult Update()
        {
            if (Interlocked.CompareExchange(ref updating, 1, 0) != 0)
            {
                return SternaResult.Busy;
            }
            List<Exception> thrown = null;
            bool held = false;
            try
            {
                // Somebody may dispose of the client in an event: what the event points to stays until it is over.
                handle.DangerousAddRef(ref held);
                SternaResult result = NativeMethods.sterna_client_update(Native);
                if (result != SternaResult.Ok)
                {
                    return result;
                }
                if (cancellations)
                {
                    EndCancelled();
                }
                NativeEvent* next;
                while (!disposed && (next = NativeMethods.sterna_client_poll_event(Native)) != null)
                {
                    try
                    {
                        Dispatch(next);
                    }
                    catch (Exception error)
                    {
                        thrown = thrown ?? new List<Exception>();
                        thrown.Add(error);
                    }
                }
            }
            catch (ObjectDisposedException)
            {
                return SternaResult.InvalidHandle;
            }
            finally
            {
                if (held)
                {
                    handle.DangerousRelease();
                }
                Volatile.Write(ref updating, 0);
            }
            if (thrown != null)
            {
                Rethrow(thrown);
            }
            return SternaResult.Ok;
        }

        /// <summary>
        /// Ends the session and releases the client. Inside an event no further one is raised. What is awaited ends as
        /// cancelled, before this returns: call it on the game's thread.
        /// </summary>
        public void Dispose()
        {
            if (disposed)
            {
                return;
            }
            disposed = true;
            handle.Dispose();
            CancelAll();
            Node = string.Empty;
            IsOffline = false;
        }

        /// <summary>A payload as a piece of the buffer that is used again.</summary>
        internal ArraySegment<byte> Payload(NativeEvent* e)
        {
            int length = (int)e->length;
            if (buffer.Length < length)
            {
                buffer = new byte[Math.Max(length, 2 * buffer.Length)];
            }
            Marshal.Copy((IntPtr)e->data, buffer, 0, length);
            return new ArraySegment<byte>(buffer, 0, length);
        }

        /// <summary>The event's text, of which there is one string however often it comes.</summary>
        internal string CachedText(NativeEvent* e)
        {
            return texts.Get(e->text);
        }

        internal string CachedText(byte* text)
        {
            return texts.Get(text);
        }

        private void Dispatch(NativeEvent* e)
        {
            switch (e->event_type)
            {
                case SternaEventType.Connected:
                    Node = NativeText.Read(e->text);
                    Connected(new ConnectedArgs(e->session_id, Node));
                    break;
                case SternaEventType.ConnectFailed:
                    ConnectFailed(Ended(e));
                    break;
                case SternaEventType.Disconnected:
                    Node = string.Empty;
                    IsOffline = false;
                    Disconnected(Ended(e));
                    break;
                case SternaEventType.Reconnecting:
                    Raise(OnReconnecting, Ended(e));
                    break;
                case SternaEventType.Reconnected:
                    Node = NativeText.Read(e->text);
                    Raise(OnReconnected, new ReconnectedArgs(e->epoch, Node));
                    break;
                case SternaEventType.Offline:
                    IsOffline = true;
                    Raise(OnOffline, new OfflineArgs(e->epoch, e->deadline_ms, e->reason, e->in_room != 0));
                    break;
                case SternaEventType.Migrating:
                    Raise(OnMigrating, new MigratingArgs(e->epoch));
                    break;
                case SternaEventType.Migrated:
                    Node = NativeText.Read(e->text);
                    IsOffline = false;
                    Migrated(new MigratedArgs(e->epoch, e->gap_us, Node));
                    break;
                case SternaEventType.MigrateFailed:
                    MigrateFailed(Ended(e));
                    break;
                case SternaEventType.TookOver:
                    Node = NativeText.Read(e->text);
                    IsOffline = false;
                    Raise(OnTookOver, new TookOverArgs(e->epoch, e->lost_from, e->lost_to, Node));
                    break;
                case SternaEventType.Response:
                    Respond(e);
                    break;
                case SternaEventType.Push:
                    if (OnPush != null)
                    {
                        OnPush(new PushArgs(e->ver, e->cmd, e->reliable != 0, Payload(e)));
                    }
                    break;
                case SternaEventType.Log:
                    if (OnLog != null)
                    {
                        OnLog(new LogArgs((SternaLogLevel)e->log_level, NativeText.Read(e->text)));
                    }
                    break;
                default: // of rooms; or of a newer library, which this code cannot know
                    Room.Dispatch(e);
                    break;
            }
        }

        /// <summary>One as it was thrown, so that who handles it need not unpack it.</summary>
        private static void Rethrow(List<Exception> thrown)
        {
            if (thrown.Count > 1)
            {
                throw new AggregateException("handlers of several events have thrown", thrown);
            }
            ExceptionDispatchInfo.Capture(thrown[0]).Throw();
        }

        private static EndedArgs Ended(NativeEvent* e)
        {
            return new EndedArgs(e->status, NativeText.Read(e->text));
        }

        internal static void Raise<T>(Action<T> handlers, T args)
        {
            if (handlers != null)
            {
                handlers(args);
            }
        }
    }
}
