using System;
using System.Threading;
using System.Threading.Tasks;

namespace Sterna
{
    /// <summary>
    /// Something that the game awaits. It ends inside <see cref="SternaClient.Update"/>, and there the game goes on:
    /// its source must therefore not be made with RunContinuationsAsynchronously.
    /// </summary>
    internal abstract class Pending
    {
        private CancellationToken token;
        private CancellationTokenRegistration registration;

        internal bool IsCancelled
        {
            get { return token.IsCancellationRequested; }
        }

        /// <summary>The token's cancellation is told to <paramref name="client"/>, on whichever thread it happens.</summary>
        internal void Watch(CancellationToken cancellation, Action<object> onCancelled, SternaClient client)
        {
            token = cancellation;
            if (cancellation.CanBeCanceled)
            {
                registration = cancellation.Register(onCancelled, client);
            }
        }

        internal void Fail(SternaResult status, string message)
        {
            registration.Dispose();
            End(SternaException.Of(status, message));
        }

        internal void Cancel()
        {
            registration.Dispose();
            EndCancelled(token);
        }

        protected void Unwatch()
        {
            registration.Dispose();
        }

        protected abstract void End(SternaException error);

        protected abstract void EndCancelled(CancellationToken cancellation);
    }

    internal class Pending<T> : Pending
    {
        private readonly TaskCompletionSource<T> source = new TaskCompletionSource<T>();

        internal Task<T> Task
        {
            get { return source.Task; }
        }

        internal void Succeed(T value)
        {
            Unwatch();
            source.TrySetResult(value);
        }

        protected override void End(SternaException error)
        {
            source.TrySetException(error);
        }

        protected override void EndCancelled(CancellationToken cancellation)
        {
            // A client that is disposed cancels what nobody has asked to cancel.
            if (cancellation.IsCancellationRequested)
            {
                source.TrySetCanceled(cancellation);
            }
            else
            {
                source.TrySetCanceled();
            }
        }
    }

    /// <summary>When a request about rooms is over.</summary>
    internal enum RoomRequestKind
    {
        /// <summary>With its result.</summary>
        Other,
        /// <summary>With its result, and when the room was entered.</summary>
        Enter,
        /// <summary>With its result, and when the room was left.</summary>
        Leave,
    }

    /// <summary>A request about rooms; its task's result is made of the library's.</summary>
    internal abstract class RoomRequest
    {
        internal RoomRequestKind Kind;
        /// <summary>It has worked, but what it waits for has not been handed out yet.</summary>
        internal RoomResultArgs Result;

        /// <summary>The same, as what may fail and be cancelled.</summary>
        internal abstract Pending Pending { get; }

        /// <summary>What counts as success and what not is the business of each request.</summary>
        internal abstract void End(RoomResultArgs result);
    }

    internal sealed class RoomRequest<T> : RoomRequest
    {
        internal readonly Pending<T> Source = new Pending<T>();
        private readonly Func<RoomResultArgs, T> convert;
        private readonly SternaResult alsoFine;

        internal RoomRequest(RoomRequestKind kind, Func<RoomResultArgs, T> convert, SternaResult alsoFine)
        {
            Kind = kind;
            this.convert = convert;
            this.alsoFine = alsoFine;
        }

        internal override Pending Pending
        {
            get { return Source; }
        }

        internal override void End(RoomResultArgs result)
        {
            if (result.Status == SternaResult.Ok || result.Status == alsoFine)
            {
                Source.Succeed(convert(result));
            }
            else
            {
                Source.Fail(result.Status, string.Empty);
            }
        }
    }
}
