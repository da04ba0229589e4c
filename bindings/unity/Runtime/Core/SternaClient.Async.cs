using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;

namespace Sterna
{
    // What can be awaited. A task ends inside Update: who awaits it on the game's thread goes on there, in the same
    // frame. Without Update no task ends.
    public sealed unsafe partial class SternaClient
    {
        private static readonly Action<object> NoteCancellation = NoteCancellationOf;
        private static readonly Action<object> CallConnectingOff = CallConnectingOffOf;

        /// <summary>
        /// Guards what is below. Held while a request is made, so that its answer, which may come before the call
        /// has returned, finds it; never while the game's code runs.
        /// </summary>
        private readonly object gate = new object();
        private readonly Dictionary<ulong, Pending<SternaResponse>> requests =
            new Dictionary<ulong, Pending<SternaResponse>>();
        private readonly List<Pending<MigratedArgs>> moves = new List<Pending<MigratedArgs>>();
        private readonly List<Pending<EndedArgs>> farewells = new List<Pending<EndedArgs>>();
        private Pending<ConnectedArgs> connecting;
        /// <summary>Connect was called, and the event that ends it has not been handed out.</summary>
        private bool hasSession;
        /// <summary>A token was cancelled since the last update.</summary>
        private volatile bool cancellations;

        /// <summary>Connects, with a token from the game's backend. Cancelling calls the attempt off.</summary>
        /// <exception cref="SternaException">It failed; its text says what to do.</exception>
        public Task<ConnectedArgs> ConnectAsync(string token, CancellationToken cancellation = default(CancellationToken))
        {
            if (cancellation.IsCancellationRequested)
            {
                return Task.FromCanceled<ConnectedArgs>(cancellation);
            }
            var pending = new Pending<ConnectedArgs>();
            SternaResult result;
            lock (gate)
            {
                result = Connect(token);
                if (result == SternaResult.Ok)
                {
                    connecting = pending;
                    // Not before: an attempt that was refused must not call off the session that is there.
                    pending.Watch(cancellation, CallConnectingOff, this);
                }
            }
            if (result != SternaResult.Ok)
            {
                pending.Fail(result, LastError);
            }
            return pending.Task;
        }

        /// <summary>Ends the session; reliable messages sent before still go out.</summary>
        public Task<EndedArgs> DisconnectAsync(CancellationToken cancellation = default(CancellationToken))
        {
            var pending = new Pending<EndedArgs>();
            pending.Watch(cancellation, NoteCancellation, this);
            lock (gate)
            {
                if (hasSession)
                {
                    farewells.Add(pending);
                    Disconnect();
                    NoteIfCancelled(cancellation);
                    return pending.Task;
                }
            }
            pending.Succeed(new EndedArgs(SternaResult.Ok, string.Empty));
            return pending.Task;
        }

        /// <summary>
        /// Sends a message and waits for the answer, at the latest until <paramref name="timeoutMs"/>; 0 stands for the
        /// configuration's value. Cancelling ends the wait; the server may still carry it out.
        /// </summary>
        /// <exception cref="SternaException">It was not answered, or the server has refused it.</exception>
        public Task<SternaResponse> RequestAsync(byte ver, ushort cmd, byte[] payload,
            CancellationToken cancellation = default(CancellationToken), uint timeoutMs = 0)
        {
            return RequestAsync(ver, cmd, Segment(payload), cancellation, timeoutMs);
        }

        /// <summary>The same, with a piece of an array.</summary>
        public Task<SternaResponse> RequestAsync(byte ver, ushort cmd, ArraySegment<byte> payload,
            CancellationToken cancellation = default(CancellationToken), uint timeoutMs = 0)
        {
            var pending = new Pending<SternaResponse>();
            pending.Watch(cancellation, NoteCancellation, this);
            if (cancellation.IsCancellationRequested)
            {
                pending.Cancel();
                return pending.Task;
            }
            SternaResult result;
            lock (gate)
            {
                ulong number;
                result = Request(ver, cmd, payload, out number, timeoutMs);
                if (result == SternaResult.Ok)
                {
                    requests.Add(number, pending);
                    NoteIfCancelled(cancellation);
                }
            }
            if (result != SternaResult.Ok)
            {
                pending.Fail(result, LastError);
            }
            return pending.Task;
        }

        /// <summary>
        /// Agrees to be moved to another node, and waits until the session is there. Cancelling ends the wait, not the
        /// move.
        /// </summary>
        /// <exception cref="SternaException">The move failed; play goes on where it was.</exception>
        public Task<MigratedArgs> MigrateAsync(CancellationToken cancellation = default(CancellationToken))
        {
            var pending = new Pending<MigratedArgs>();
            pending.Watch(cancellation, NoteCancellation, this);
            SternaResult result;
            lock (gate)
            {
                result = SendMigrate();
                if (result == SternaResult.Ok)
                {
                    moves.Add(pending);
                    NoteIfCancelled(cancellation);
                }
            }
            if (result != SternaResult.Ok)
            {
                pending.Fail(result, LastError);
            }
            return pending.Task;
        }

        internal object Gate
        {
            get { return gate; }
        }

        internal Action<object> OnCancelled
        {
            get { return NoteCancellation; }
        }

        /// <summary>For a token that was cancelled before there was anything to end: the next update looks for it.
        /// </summary>
        internal void NoteIfCancelled(CancellationToken cancellation)
        {
            if (cancellation.IsCancellationRequested)
            {
                cancellations = true;
            }
        }

        internal static ArraySegment<byte> Segment(byte[] payload)
        {
            return payload == null ? default(ArraySegment<byte>) : new ArraySegment<byte>(payload);
        }

        private static void NoteCancellationOf(object client)
        {
            ((SternaClient)client).cancellations = true;
        }

        private static void CallConnectingOffOf(object client)
        {
            ((SternaClient)client).Disconnect(); // connect_failed follows, or disconnected
        }

        // What is awaited is taken before the event is raised, whose handlers may begin anew, and ends after it, also if
        // a handler throws.

        private void Connected(ConnectedArgs args)
        {
            Pending<ConnectedArgs> pending = TakeConnecting();
            try
            {
                Raise(OnConnected, args);
            }
            finally
            {
                if (pending != null && pending.IsCancelled)
                {
                    pending.Cancel();
                }
                else if (pending != null)
                {
                    pending.Succeed(args);
                }
            }
        }

        private void ConnectFailed(EndedArgs args)
        {
            Pending<ConnectedArgs> pending = TakeConnecting();
            List<Pending<EndedArgs>> done = TakeFarewells();
            try
            {
                Raise(OnConnectFailed, args);
            }
            finally
            {
                if (pending != null && pending.IsCancelled)
                {
                    pending.Cancel();
                }
                else if (pending != null)
                {
                    pending.Fail(args.Status, args.Reason);
                }
                Succeed(done, args);
            }
        }

        private void Disconnected(EndedArgs args)
        {
            List<Pending<MigratedArgs>> failed = Take(moves);
            List<Pending<EndedArgs>> done = TakeFarewells();
            var status = args.Status == SternaResult.Ok ? SternaResult.Aborted : args.Status;
            try
            {
                Raise(OnDisconnected, args);
            }
            finally
            {
                Fail(failed, status, args.Reason);
                Room.SessionEnded(status);
                Succeed(done, args);
            }
        }

        private void Migrated(MigratedArgs args)
        {
            List<Pending<MigratedArgs>> done = Take(moves);
            try
            {
                Raise(OnMigrated, args);
            }
            finally
            {
                Succeed(done, args);
            }
        }

        private void MigrateFailed(EndedArgs args)
        {
            List<Pending<MigratedArgs>> failed = Take(moves);
            try
            {
                Raise(OnMigrateFailed, args);
            }
            finally
            {
                Fail(failed, args.Status, args.Reason);
            }
        }

        private static void Succeed<T>(List<Pending<T>> pending, T value)
        {
            foreach (Pending<T> one in pending)
            {
                one.Succeed(value);
            }
        }

        private static void Fail<T>(List<Pending<T>> pending, SternaResult status, string reason)
        {
            foreach (Pending<T> one in pending)
            {
                one.Fail(status, reason);
            }
        }

        private void Respond(NativeEvent* e)
        {
            Pending<SternaResponse> pending;
            lock (gate)
            {
                if (requests.TryGetValue(e->request_id, out pending))
                {
                    requests.Remove(e->request_id);
                }
            }
            try
            {
                if (OnResponse != null)
                {
                    OnResponse(new ResponseArgs(e->request_id, e->status, e->ver, e->cmd, Payload(e)));
                }
            }
            finally
            {
                if (pending != null)
                {
                    Answer(pending, e);
                }
            }
        }

        private void Answer(Pending<SternaResponse> pending, NativeEvent* e)
        {
            if (e->status != SternaResult.Ok)
            {
                // A server that refuses a request may say why.
                pending.Fail(e->status, NativeText.Read(e->data, (int)e->length));
                return;
            }
            ArraySegment<byte> payload = Payload(e);
            var own = new byte[payload.Count];
            Buffer.BlockCopy(payload.Array, payload.Offset, own, 0, own.Length);
            pending.Succeed(new SternaResponse(e->ver, e->cmd, own));
        }

        private Pending<ConnectedArgs> TakeConnecting()
        {
            lock (gate)
            {
                Pending<ConnectedArgs> pending = connecting;
                connecting = null;
                return pending;
            }
        }

        /// <summary>Those who wait for the session's end, which is here: the next one may begin.</summary>
        private List<Pending<EndedArgs>> TakeFarewells()
        {
            lock (gate)
            {
                hasSession = false;
                return Take(farewells);
            }
        }

        private List<T> Take<T>(List<T> list)
        {
            lock (gate)
            {
                var taken = new List<T>(list);
                list.Clear();
                return taken;
            }
        }

        /// <summary>Ends what was cancelled. Connecting ends by its event, after which the client may connect again.
        /// </summary>
        private void EndCancelled()
        {
            cancellations = false;
            var ended = new List<Pending>();
            lock (gate)
            {
                foreach (KeyValuePair<ulong, Pending<SternaResponse>> request in
                         new List<KeyValuePair<ulong, Pending<SternaResponse>>>(requests))
                {
                    if (request.Value.IsCancelled)
                    {
                        requests.Remove(request.Key);
                        ended.Add(request.Value);
                    }
                }
                TakeCancelled(moves, ended);
                TakeCancelled(farewells, ended);
                Room.TakeCancelled(ended);
            }
            foreach (Pending pending in ended)
            {
                pending.Cancel();
            }
        }

        private static void TakeCancelled<T>(List<T> list, List<Pending> ended) where T : Pending
        {
            for (int i = list.Count - 1; i >= 0; i--)
            {
                if (list[i].IsCancelled)
                {
                    ended.Add(list[i]);
                    list.RemoveAt(i);
                }
            }
        }

        private void CancelAll()
        {
            var ended = new List<Pending>();
            lock (gate)
            {
                if (connecting != null)
                {
                    ended.Add(connecting);
                    connecting = null;
                }
                foreach (Pending<SternaResponse> pending in requests.Values)
                {
                    ended.Add(pending);
                }
                requests.Clear();
                ended.AddRange(moves.ToArray());
                moves.Clear();
                ended.AddRange(farewells.ToArray());
                farewells.Clear();
                Room.TakeAll(ended);
                hasSession = false;
            }
            foreach (Pending pending in ended)
            {
                pending.Cancel();
            }
        }
    }
}
